/** The parked keys of a running pipeline, over all its threads: which they are, and decisions about them. */
import { suggestName } from '../../core/did-you-mean.ts'
import { MillraceError } from '../../core/errors.ts'
import type { ParkedDecision, ParkedKey } from '../../operators/operator.ts'
import type { PhysicalPlan } from '../../plan/plan.ts'
import { tasksOf } from '../task-assignor.ts'
import { type ParkedRequest, parkingOperators, type TaskDecided, type TaskParked } from './parked-request.ts'

/** Keys that are listed without a limit of one's own. */
export const PARKED_DEFAULT = 100
/** The most keys of one list. */
export const PARKED_MAX = 10_000

const decisions: readonly ParkedDecision[] = ['retry', 'dead-letter', 'skip']

export interface ParkedKeys<K extends ParkedKey = ParkedKey> {
  /** How many failing records are parked. */
  readonly total: number
  /** The first of them: as many as the limit says. */
  readonly keys: readonly K[]
}

export interface PipelineParkedOptions {
  readonly plan: PhysicalPlan
  readonly partitionCounts: ReadonlyMap<string, number>
  /** Asks every thread; a thread that is not there gives no answers. */
  readonly ask: (most: number) => Promise<readonly TaskParked[]>
  /** Tells every thread; one that could not keep what was decided is rejected. */
  readonly tell: (request: ParkedRequest) => Promise<readonly PromiseSettledResult<readonly TaskDecided[]>[]>
}

export class PipelineParked {
  private readonly options: PipelineParkedOptions

  constructor(options: PipelineParkedOptions) {
    this.options = options
  }

  /** The operators in which keys may be parked. */
  get operators(): readonly string[] {
    return this.options.plan.subTopologies.flatMap(parkingOperators)
  }

  /**
   * The keys whose records wait for one that fails.
   *
   * @param limit 1 to 10,000; default 100
   * @throws MR_STORE_MOVING (retriable), MR_QUERY_INVALID
   */
  async list(limit = PARKED_DEFAULT): Promise<ParkedKeys> {
    checkLimit(limit)
    if (this.operators.length === 0) return { total: 0, keys: [] }
    const answers = await this.options.ask(limit)
    this.refuseMoving(this.operators, answers)
    return {
      total: answers.reduce((total, { count }) => total + count, 0),
      keys: answers.flatMap(({ keys }) => keys).slice(0, limit),
    }
  }

  /**
   * Decides about a parked key: its failing record is tried again at once, put among the dead letters, or skipped; the
   * records behind it go on in their order. Resolves when that is committed, with the number of failing records that it
   * was for: more than 1 for records without a key, or where the key is parked in several tasks.
   *
   * @throws MR_KEY_NOT_PARKED, MR_OPERATOR_UNKNOWN, MR_QUERY_INVALID, MR_PIPELINE_ENDED; MR_STORE_MOVING (retriable)
   */
  async decide(request: ParkedRequest): Promise<number> {
    const { operator, key, decision } = request
    const { pipeline } = this.options.plan
    this.check(request)
    const told = await this.options.tell(request)
    const answers = told.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    const records = answers.reduce((sum, answer) => sum + answer.records, 0)
    if (records > 0) return records
    for (const one of told) if (one.status === 'rejected') throw one.reason
    this.refuseMoving([operator], answers)
    const context = { pipeline, operator, decision }
    if (answers.every(({ ended }) => ended)) {
      throw new MillraceError(
        'MR_PIPELINE_ENDED',
        `pipeline "${pipeline}" has come to the end of its input and takes no decisions`,
        { context, hint: 'What is parked stays in its store: start the pipeline again, and decide then.' },
      )
    }
    throw new MillraceError(
      'MR_KEY_NOT_PARKED',
      `key ${showKey(key)} of "${operator}" in pipeline "${pipeline}" is not parked`,
      { context, hint: 'It may have been released meanwhile: look at what is parked now.' },
    )
  }

  private check({ operator, decision }: ParkedRequest): void {
    const { pipeline } = this.options.plan
    if (!decisions.includes(decision)) {
      throw new MillraceError('MR_QUERY_INVALID', `no decision "${String(decision)}" about a parked key`, {
        hint: suggestName(String(decision), decisions),
      })
    }
    if (this.operators.includes(operator)) return
    throw new MillraceError(
      'MR_OPERATOR_UNKNOWN',
      `pipeline "${pipeline}" has no operator "${operator}" that parks keys`,
      { hint: suggestName(operator, this.operators), context: { pipeline, operator } },
    )
  }

  /** Every task with one of the operators must have answered. */
  private refuseMoving(
    operators: readonly string[],
    answers: readonly { readonly subTopology: number; readonly partition: number }[],
  ): void {
    const { plan, partitionCounts } = this.options
    const missing = tasksOf(plan, partitionCounts).filter(
      ({ subTopology, partition }) =>
        parkingOperators(plan.subTopologies[subTopology]!).some((name) => operators.includes(name)) &&
        !answers.some((answer) => answer.subTopology === subTopology && answer.partition === partition),
    )
    if (missing.length === 0) return
    const names = missing.map(({ subTopology, partition }) => `${subTopology}_${partition}`)
    throw new MillraceError(
      'MR_STORE_MOVING',
      `task ${names.join(', ')} of pipeline "${plan.pipeline}" cannot be asked about parked keys now`,
      {
        hint: 'Its state is being restored or moved, or another process holds it. Ask again in a moment.',
        context: { pipeline: plan.pipeline },
      },
    )
  }
}

export function checkLimit(limit: number): void {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= PARKED_MAX) return
  throw new MillraceError('MR_QUERY_INVALID', `a list cannot have ${limit} parked keys`, {
    hint: `Write a whole number from 1 to ${PARKED_MAX}.`,
  })
}

function showKey(key: unknown): string {
  return typeof key === 'bigint' ? key.toString() : (JSON.stringify(key) ?? 'undefined')
}
