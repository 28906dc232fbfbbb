/**
 * Joins two streams: records of one key whose times are close; inner.
 *
 * A left record at t meets right records from t - before to t + after, both included (Kafka Streams'
 * JoinWindows); the result has the larger of the two timestamps. A record is late when no partner could be
 * on time for it any more: its window's end plus grace lies before stream time.
 */
import { json, type Serde } from '../core/serde.ts'
import { type JoinBuffer, joinBuffer } from '../state/join-buffer.ts'
import type { Operator, OperatorContext, OperatorSpec, Receiver } from './operator.ts'
import type { Joiner } from './stream-table-join.ts'

export interface StreamJoinOptions {
  readonly leftStore: string
  readonly rightStore: string
  readonly keySerde: Serde<unknown>
  readonly beforeMs: number
  readonly afterMs: number
  readonly graceMs: number
  readonly joiner: Joiner
}

export function streamStreamJoinOperator(options: StreamJoinOptions): OperatorSpec {
  const { beforeMs, afterMs, graceMs, keySerde } = options
  const retentionMs = beforeMs + afterMs + graceMs
  const left = joinBuffer(options.leftStore, keySerde, json<unknown>(), retentionMs)
  const right = joinBuffer(options.rightStore, keySerde, json<unknown>(), retentionMs)
  return {
    kind: 'stream-stream-join',
    stores: [left, right],
    outputDelayMs: 0,
    keyed: true,
    create: (name, context, output) =>
      new StreamStreamJoin(name, options, context, output, context.store(left), context.store(right)),
  }
}

type Side = JoinBuffer<unknown, unknown>

class StreamStreamJoin implements Operator {
  readonly inputs: readonly Receiver[]
  private readonly name: string
  private readonly options: StreamJoinOptions
  private readonly context: OperatorContext
  private readonly output: Receiver
  private readonly left: Side
  private readonly right: Side

  constructor(
    name: string,
    options: StreamJoinOptions,
    context: OperatorContext,
    output: Receiver,
    left: Side,
    right: Side,
  ) {
    this.name = name
    this.options = options
    this.context = context
    this.output = output
    this.left = left
    this.right = right
    this.inputs = [
      { process: (key, value, timestampMs) => this.meet(key, value, timestampMs, true) },
      { process: (key, value, timestampMs) => this.meet(key, value, timestampMs, false) },
    ]
  }

  nextDeadlineMs(): number {
    const oldest = Math.min(this.left.oldestBucketEndMs, this.right.oldestBucketEndMs)
    return oldest + this.keptMs
  }

  advance(streamTimeMs: number): void {
    this.left.expire(streamTimeMs - this.keptMs)
    this.right.expire(streamTimeMs - this.keptMs)
  }

  /** How far behind stream time a record may still find a partner that is on time. */
  private get keptMs(): number {
    return this.options.beforeMs + this.options.afterMs + this.options.graceMs
  }

  private meet(key: unknown, value: unknown, timestampMs: number, fromLeft: boolean): void {
    if (key === null || key === undefined) return
    const { beforeMs, afterMs, graceMs, joiner } = this.options
    const backMs = fromLeft ? beforeMs : afterMs
    const aheadMs = fromLeft ? afterMs : beforeMs
    const windowEndMs = timestampMs + aheadMs
    if (windowEndMs + graceMs < this.context.streamTimeMs()) {
      this.context.late({ operator: this.name, key, value, timestampMs, windowEndMs })
      return
    }
    const own = fromLeft ? this.left : this.right
    const other = fromLeft ? this.right : this.left
    own.add(key, value, timestampMs)
    other.forEach(key, timestampMs - backMs, windowEndMs, (partner, partnerMs) => {
      const result = fromLeft ? joiner(value, partner, key) : joiner(partner, value, key)
      this.output.process(key, result, Math.max(timestampMs, partnerMs))
    })
  }
}
