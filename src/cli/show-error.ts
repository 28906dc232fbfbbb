/** How an error is shown: three lines and its code for people, JSON with --json; the stack only with -v. */
import { type ErrorCode, errorRegister } from '../core/error-register.ts'
import { formatError, isMillraceError, MillraceError, messageOf } from '../core/errors.ts'
import type { Terminal } from '../platform/terminal.ts'
import type { KafkaErrorName } from '../protocol/error-codes.ts'
import { exitCodeOf } from './exit-code.ts'
import { styler } from './output.ts'
import { jsonText } from './row.ts'
import { printable } from './terminal/text.ts'

export interface ShowErrorOptions {
  readonly json: boolean
  readonly verbose: boolean
}

/** What to do about an answer of a broker that says nothing of it. */
const adviceOnAnswers: Partial<Record<KafkaErrorName, string>> = {
  CORRUPT_MESSAGE:
    'Nothing damaged is given out, and nothing is skipped: `-o OFFSET` reads on behind it. The log of the broker names the file.',
  KAFKA_STORAGE_ERROR:
    'The disk of the broker is full or has failed: free some space there and try again. Nothing that was acknowledged is lost.',
}

function advised(error: unknown): unknown {
  if (!isMillraceError(error) || error.hint !== undefined) return error
  const hint = adviceOnAnswers[error.context['kafkaName'] as KafkaErrorName]
  if (hint === undefined) return error
  const { code, message, where, context, retriable, cause } = error
  const place = where === undefined ? {} : { where }
  return new MillraceError(code, message, { hint, context, retriable, cause, ...place })
}

/** Writes the error to stderr and returns the exit status. */
export function showError(thrown: unknown, terminal: Terminal, options: ShowErrorOptions): number {
  const error = advised(thrown)
  if (options.json) terminal.err.write(`${jsonText({ error: errorJson(error) })}\n`)
  else {
    const [first = '', ...rest] = formatError(error).split('\n').map(harmless)
    const red = styler(terminal.err, '31;1')
    const line = first.startsWith('error ') ? `${red('error')} ${first.slice(6)}` : first
    terminal.err.write(`${[line, ...rest].join('\n')}\n`)
  }
  if (options.verbose || !isMillraceError(error)) {
    for (const cause of causesOf(error)) {
      if (!options.json && cause instanceof Error) {
        const lines = (cause.stack ?? cause.message).split('\n').map(harmless)
        terminal.err.write(`${lines.join('\n')}\n`)
      }
    }
  }
  return exitCodeOf(error)
}

/** A line in which names and data from elsewhere cannot act on the terminal. */
function harmless(line: string): string {
  return line.split('\t').map(printable).join('\t')
}

function errorJson(error: unknown): Readonly<Record<string, unknown>> {
  if (!isMillraceError(error)) return { code: 'MR_INVARIANT' satisfies ErrorCode, message: messageOf(error) }
  return {
    code: error.code,
    message: error.message,
    ...(error.where === undefined ? {} : { where: error.where }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    docs: `docs/reference/errors.md#${error.code.toLowerCase()}`,
    retriable: error.retriable,
    means: errorRegister[error.code].means,
    context: error.context,
    causes: causesOf(error).slice(1).map(messageOf),
  }
}

/** The error and what caused it, outermost first; at most ten. */
function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = []
  for (let at = error; at !== undefined && at !== null && causes.length < 10; ) {
    causes.push(at)
    at = at instanceof Error ? at.cause : undefined
  }
  return causes
}
