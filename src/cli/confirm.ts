/** Asks before data is destroyed: the name has to be typed. */
import { MillraceError } from '../core/errors.ts'
import type { CommandContext } from './command.ts'

export interface Question {
  /** What has to be typed. */
  readonly name: string
  /** What is about to happen: `delete topic "orders" with 12 records`. */
  readonly what: string
}

/**
 * Asks each question in turn. Asks nothing with `--yes`.
 *
 * @throws MR_USAGE where nobody can answer: no terminal, or `CI`; MR_ABORTED for another answer
 */
export async function confirm(context: CommandContext, questions: readonly Question[]): Promise<void> {
  const { flags, signal, terminal } = context
  if (flags.on('yes') || questions.length === 0) return
  requireAnswers(context)
  const answers = terminal.input.lines(signal)[Symbol.asyncIterator]()
  try {
    for (const { name, what } of questions) {
      terminal.err.write(`${what}? Type ${name} to confirm: `)
      const { value } = await answers.next()
      if (value === undefined) terminal.err.write('\n')
      if (signal.aborted) throw new MillraceError('MR_ABORTED', 'interrupted')
      if (typeof value === 'string' && value.trim() === name) continue
      throw new MillraceError('MR_ABORTED', 'not confirmed, so nothing was changed', {
        hint: `Type ${name} to confirm, or give --yes.`,
      })
    }
  } finally {
    await answers.return?.()
  }
}

/** @throws MR_USAGE when there is nobody to answer a question */
export function requireAnswers({ flags, process: host, terminal }: CommandContext): void {
  if (flags.on('yes')) return
  const inCi = !['', '0', 'false'].includes(host.env('CI') ?? '')
  if (!inCi && terminal.input.isTerminal) return
  throw new MillraceError('MR_USAGE', 'this destroys data and nobody is there to confirm it', {
    where: inCi ? 'CI is set' : 'the input is not a terminal',
    hint: 'Give --yes if it is meant, or --dry-run to see what would happen.',
  })
}
