/** How an error is shown: three lines and its code for people, JSON with --json; the stack only with -v. */
import { type ErrorCode, errorRegister } from '../core/error-register.ts'
import { formatError, isMillraceError, messageOf } from '../core/errors.ts'
import type { Terminal } from '../platform/terminal.ts'
import { exitCodeOf } from './exit-code.ts'
import { styler } from './output.ts'
import { jsonText } from './row.ts'
import { printable } from './terminal/text.ts'

export interface ShowErrorOptions {
  readonly json: boolean
  readonly verbose: boolean
}

/** Writes the error to stderr and returns the exit status. */
export function showError(error: unknown, terminal: Terminal, options: ShowErrorOptions): number {
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
