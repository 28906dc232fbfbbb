import { MillraceError } from '../core/errors.ts'

export interface FailedWrite {
  /** The record's index among those given to `write`. */
  readonly index: number
  /** Why. A retriable error is tried again; any other sends the record to the dead letters. */
  readonly error: MillraceError
}

/** Some records of a batch were not written; all others were. Thrown by `write` of a sink. */
export class PartialWriteError extends MillraceError {
  readonly failures: readonly FailedWrite[]

  /** `failures` in the order of the batch, at least one. */
  constructor(failures: readonly FailedWrite[]) {
    const first = failures[0]
    super('MR_SINK_FAILED', `${failures.length} of the records were refused: ${first?.error.message ?? ''}`, {
      retriable: failures.some((failure) => failure.error.retriable),
      ...(first === undefined ? {} : { cause: first.error }),
    })
    this.failures = failures
  }
}
