import { MillraceError } from './errors.ts'

/**
 * Stops the program where it would otherwise go on with wrong data. Always on.
 *
 * @throws MR_INVARIANT when `condition` is false; `text` says what should have held.
 */
export function invariant(condition: boolean, text: string): asserts condition {
  if (!condition) {
    throw new MillraceError('MR_INVARIANT', `invariant broken: ${text}`, {
      hint: 'This is a defect in Millrace; please report it with the stack.',
    })
  }
}

/** Marks a place that the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new MillraceError('MR_INVARIANT', `unreachable value ${JSON.stringify(value)}`)
}
