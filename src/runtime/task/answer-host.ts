/** What a task does for its operators whose answers come later. */
import type { StoredRecord } from '../../core/record.ts'
import type { AnswerContext, AnswerFailure, FailurePolicy } from '../../operators/operator.ts'
import type { Waiting } from '../../state/waiting-store.ts'
import type { CurrentRecord } from './current-record.ts'
import type { SetAside } from './set-aside.ts'

export interface AnswerHostOptions {
  readonly record: CurrentRecord
  readonly setAside: SetAside
  /** The rule for records of a topic that this task reads; undefined: for those that time made. */
  readonly policyOf: (topic: string | undefined) => FailurePolicy
  readonly timeMoved: () => void
}

export class AnswerHost implements AnswerContext {
  private readonly options: AnswerHostOptions

  constructor(options: AnswerHostOptions) {
    this.options = options
  }

  source(): StoredRecord | undefined {
    return this.options.record.source()
  }

  resume(waiting: Waiting, act: () => void): void {
    const { record, setAside, policyOf } = this.options
    record.show(waiting.origin)
    try {
      act()
    } catch (error) {
      // A function below refused the answer.
      setAside.putWaited(policyOf(waiting.origin?.topic), waiting, { error })
    } finally {
      record.show(undefined)
    }
  }

  refuse(waiting: Waiting, failure: AnswerFailure, policy: FailurePolicy | undefined): void {
    const { setAside, policyOf } = this.options
    setAside.putWaited(policy ?? policyOf(waiting.origin?.topic), waiting, failure)
  }

  timeMoved(): void {
    this.options.timeMoved()
  }
}
