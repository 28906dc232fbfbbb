/**
 * Joins two streams: records of one key whose times are close; inner, left or outer.
 *
 * A left record at t meets right records from t - before to t + after, both included (Kafka Streams' JoinWindows);
 * a result has the larger of the two timestamps. A record of a side that is kept whole (left of a left join, both of
 * an outer one) which meets none is given out alone, with its own timestamp, when its window has closed: stream time
 * has passed the last time of a partner plus grace (KIP-633, KAFKA-10847). One without a key is given out at once
 * (KIP-962); elsewhere it is dropped, as one without a value is everywhere. One that was given out alone is met no more: each is either joined or alone.
 *
 * 1. `process` meets what the other side keeps, then keeps the record for those to come. Each side keeps its records
 *    for before + after + grace behind its newest one, as Kafka Streams' window stores do; a record that is older
 *    can meet nobody any more who is still to come, and is late. Where before or after is 0 that is a millisecond too
 *    short: a partner as far away as may be would be gone, and with both 0 each record as soon as it came. There one
 *    more is kept.
 * 2. `advance` gives out those whose window has closed without a partner, by time, then side, then key, and drops
 *    what nobody can meet.
 */
import { ByteWriter } from '../core/byte-writer.ts'
import { json, type Serde } from '../core/serde.ts'
import { type JoinBuffer, type JoinRecord, joinBuffer } from '../state/join-buffer.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import {
  type Operator,
  type OperatorContext,
  type OperatorSpec,
  type Receiver,
  unlessRefused,
} from './operator.ts'
import type { Joiner } from './stream-table-join.ts'

export type StreamJoinKind = 'inner' | 'left' | 'outer'

export interface StreamStreamJoinOptions {
  readonly kind: StreamJoinKind
  readonly leftStore: string
  readonly rightStore: string
  readonly keySerde: Serde<unknown>
  readonly beforeMs: number
  readonly afterMs: number
  readonly graceMs: number
  readonly joiner: Joiner
}

export function streamStreamJoinOperator(options: StreamStreamJoinOptions): OperatorSpec {
  const { kind, beforeMs, afterMs, graceMs, keySerde } = options
  const keptMs = keptFor(options)
  const left = joinBuffer(options.leftStore, keySerde, json<unknown>(), keptMs)
  const right = joinBuffer(options.rightStore, keySerde, json<unknown>(), keptMs)
  const aloneAfterMs =
    kind === 'inner' ? 0 : (kind === 'left' ? afterMs : Math.max(beforeMs, afterMs)) + graceMs
  return {
    kind: kind === 'inner' ? 'stream-stream-join' : `stream-stream-${kind}-join`,
    stores: [left, right],
    outputDelayMs: aloneAfterMs,
    timely: true,
    keyed: true,
    create: (name, context, output) =>
      new StreamStreamJoin(name, options, context, output, context.store(left), context.store(right)),
  }
}

/** How long each side keeps its records: who is no later than the grace finds all partners. */
function keptFor({ beforeMs, afterMs, graceMs }: StreamStreamJoinOptions): number {
  return Math.max(beforeMs + afterMs, Math.max(beforeMs, afterMs) + 1) + graceMs
}

interface Side {
  readonly isLeft: boolean
  /** How far from its own time a record of this side looks for partners. */
  readonly backMs: number
  readonly aheadMs: number
  /** Records of this side are given out alone when they meet none. */
  readonly whole: boolean
  readonly buffer: JoinBuffer<unknown, unknown>
}

interface Waiting {
  readonly side: Side
  readonly record: JoinRecord<unknown, unknown>
}

class StreamStreamJoin implements Operator {
  readonly inputs: readonly Receiver[]
  private readonly name: string
  private readonly options: StreamStreamJoinOptions
  private readonly context: OperatorContext
  private readonly output: Receiver
  private readonly left: Side
  private readonly right: Side
  private readonly keyBytes = new ByteWriter()
  private readonly keptMs: number
  private heap: DeadlineHeap<Waiting> | undefined

  constructor(
    name: string,
    options: StreamStreamJoinOptions,
    context: OperatorContext,
    output: Receiver,
    left: Side['buffer'],
    right: Side['buffer'],
  ) {
    this.name = name
    this.options = options
    this.context = context
    this.output = output
    this.keptMs = keptFor(options)
    const { kind, beforeMs, afterMs } = options
    const whole = kind !== 'inner'
    this.left = { isLeft: true, backMs: beforeMs, aheadMs: afterMs, whole, buffer: left }
    const rightWhole = kind === 'outer'
    this.right = { isLeft: false, backMs: afterMs, aheadMs: beforeMs, whole: rightWhole, buffer: right }
    this.inputs = [
      { process: (key, value, timestampMs) => this.meet(this.left, this.right, key, value, timestampMs) },
      { process: (key, value, timestampMs) => this.meet(this.right, this.left, key, value, timestampMs) },
    ]
  }

  nextDeadlineMs(): number {
    // A window is closed strictly after its deadline.
    return Math.min(
      this.waiting().firstMs + 1,
      this.expiryMs(this.left.buffer),
      this.expiryMs(this.right.buffer),
    )
  }

  advance(streamTimeMs: number): void {
    this.giveOutAlone(streamTimeMs)
    for (const { buffer } of [this.left, this.right]) buffer.expire(this.horizonMs(buffer, streamTimeMs))
  }

  /** When there is something to drop; Infinity while its newest record is too old for that. */
  private expiryMs(buffer: Side['buffer']): number {
    const dueMs = buffer.oldestBucketEndMs + this.keptMs
    return buffer.newestMs >= dueMs - 1 ? dueMs : Number.POSITIVE_INFINITY
  }

  /** The time before which a side keeps nothing: behind its newest record, and never ahead of stream time. */
  private horizonMs(buffer: Side['buffer'], streamTimeMs: number): number {
    return Math.min(buffer.newestMs, streamTimeMs) - this.keptMs + 1
  }

  private meet(own: Side, other: Side, key: unknown, value: unknown, timestampMs: number): void {
    if (value === null || value === undefined) return
    if (key === null || key === undefined) {
      if (own.whole) this.output.process(key, this.joined(own, value, null, key), timestampMs)
      return
    }
    const streamTimeMs = this.context.streamTimeMs()
    const fromMs = Math.max(timestampMs - own.backMs, this.horizonMs(other.buffer, streamTimeMs))
    const windowEndMs = timestampMs + own.aheadMs
    let met = false
    let missed = false
    other.buffer.forEach(key, fromMs, windowEndMs, (partner) => {
      if (partner.met === 'alone') {
        missed = true
        return
      }
      met = true
      other.buffer.mark(partner, 'yes')
      const resultMs = Math.max(timestampMs, partner.timestampMs)
      this.output.process(key, this.joined(own, value, partner.value, key), resultMs)
    })
    const closed = windowEndMs + this.options.graceMs < streamTimeMs
    const alone = own.whole && !met
    if (alone && closed) this.output.process(key, this.joined(own, value, null, key), timestampMs)
    const newestMs = Math.max(own.buffer.newestMs, timestampMs)
    const forgotten = timestampMs <= Math.min(newestMs, streamTimeMs) - this.keptMs
    if (missed || forgotten) this.context.late({ operator: this.name, key, value, timestampMs, windowEndMs })
    if (forgotten) return
    const waiting = this.waiting()
    const record = own.buffer.add(key, value, timestampMs, !alone ? 'yes' : closed ? 'alone' : 'no')
    if (record.met === 'no') waiting.push(windowEndMs + this.options.graceMs, { side: own, record })
  }

  private joined(own: Side, value: unknown, partner: unknown, key: unknown): unknown {
    const { joiner } = this.options
    return own.isLeft ? joiner(value, partner, key) : joiner(partner, value, key)
  }

  private giveOutAlone(streamTimeMs: number): void {
    const heap = this.waiting()
    const due: (Waiting & { readonly keyBytes: Buffer })[] = []
    while (heap.firstMs < streamTimeMs) {
      const waiting = heap.pop()
      if (waiting.record.met === 'no') due.push({ ...waiting, keyBytes: this.bytesOf(waiting.record.key) })
    }
    due.sort(
      (a, b) =>
        a.record.timestampMs - b.record.timestampMs ||
        Number(a.side.isLeft) - Number(b.side.isLeft) ||
        Buffer.compare(a.keyBytes, b.keyBytes),
    )
    for (const { side, record } of due) {
      side.buffer.mark(record, 'alone')
      const { key, value, timestampMs } = record
      const joined = unlessRefused(
        this.context,
        () => this.joined(side, value, null, key),
        () => ({ key, value, timestampMs }),
      )
      if (joined !== undefined) this.output.process(key, joined.made, timestampMs)
    }
  }

  private bytesOf(key: unknown): Buffer {
    this.keyBytes.clear()
    this.options.keySerde.write(key, this.keyBytes)
    return this.keyBytes.copy()
  }

  /** Those that wait for a partner, by the end of their window; made on first use, after the stores were restored. */
  private waiting(): DeadlineHeap<Waiting> {
    if (this.heap === undefined) {
      this.heap = new DeadlineHeap()
      for (const side of [this.left, this.right]) {
        for (const record of side.whole ? side.buffer.all() : []) {
          const closesMs = record.timestampMs + side.aheadMs + this.options.graceMs
          if (record.met === 'no') this.heap.push(closesMs, { side, record })
        }
      }
    }
    return this.heap
  }
}
