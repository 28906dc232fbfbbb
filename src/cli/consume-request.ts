/** What `consume` was asked for, out of its flags, and what its two ways of reading share. */
import type { IsolationLevel } from '../client/cluster/list-offsets.ts'
import { MillraceError } from '../core/errors.ts'
import type { Clock } from '../platform/clock.ts'
import { partitionNumbers } from './chosen-partitions.ts'
import type { CommandContext } from './command.ts'
import { type OffsetRange, parseOffsets } from './offset-language.ts'
import { timeoutMsOf } from './with-cluster.ts'

export interface ConsumeRequest {
  readonly topics: readonly string[]
  /** Only these, if any. */
  readonly partitions: readonly number[]
  readonly group: string | undefined
  readonly range: OffsetRange
  readonly isolation: IsolationLevel
  readonly follow: boolean
  readonly limit: number
  /** Without news for so long, reading to the end has failed. */
  readonly timeoutMs: number
}

/** A command line reads for eyes and pipes: less is fetched ahead than in a pipeline. */
export const fetchLimits = { maxBytes: 4 * 1024 * 1024, bufferBytesMax: 16 * 1024 * 1024 } as const

/** @throws MR_USAGE, MR_DURATION_INVALID */
export function consumeRequest(context: CommandContext): ConsumeRequest {
  const { flags, platform } = context
  const group = flags.text('group')
  const since = flags.text('since')
  const offset = flags.text('offset')
  if (since !== undefined && offset !== undefined) throw contradiction('--since', '--offset')
  const partitions = partitionNumbers(flags)
  if (group !== undefined && partitions.length > 0) throw contradiction('--group', '--partition')
  if (group === '') throw new MillraceError('MR_USAGE', 'the group has no name')
  const text = since === undefined ? (offset ?? 'start') : `@-${since}`
  return {
    topics: context.arguments.many('topic'),
    partitions,
    group,
    range: parseOffsets(text, platform.clock.nowMs()),
    isolation: flags.on('uncommitted') ? 'read_uncommitted' : 'read_committed',
    follow: flags.on('follow'),
    limit: flags.whole('number', { min: 1 }) ?? Number.POSITIVE_INFINITY,
    timeoutMs: timeoutMsOf(context),
  }
}

export function contradiction(one: string, other: string): MillraceError {
  return new MillraceError('MR_USAGE', `${one} and ${other} do not go together`, {
    hint: 'Leave one of them out.',
  })
}

/** Reading to a known end must not wait for ever for a broker that has gone. */
export class Patience {
  private readonly clock: Clock
  private readonly request: ConsumeRequest
  private lastNewsMs: number

  constructor(clock: Clock, request: ConsumeRequest) {
    this.clock = clock
    this.request = request
    this.lastNewsMs = clock.monotonicMs()
  }

  /** Say it when the records of the poll are printed: a slow reader of stdout is no reason. @throws MR_TIMEOUT */
  polled(news: boolean): void {
    const nowMs = this.clock.monotonicMs()
    if (news) this.lastNewsMs = nowMs
    const { follow, timeoutMs, topics } = this.request
    if (follow || nowMs - this.lastNewsMs < timeoutMs) return
    throw new MillraceError(
      'MR_TIMEOUT',
      `no more records came within ${timeoutMs} ms, and the end is not reached`,
      {
        where: topics.join(', '),
        hint: 'Is the leader of each partition up? `millrace topics describe` shows them; --timeout waits longer.',
      },
    )
  }
}
