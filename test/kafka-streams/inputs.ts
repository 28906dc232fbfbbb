/**
 * Random inputs from a seed: few keys, small times, so that records meet, replace each other and come late.
 *
 * Time of records without a key or value never runs ahead: Kafka Streams' operators keep a time of their own, which
 * such records do not move where the operator drops them first; ours is the task's
 * (docs/decisions/differences-from-kafka-streams.md).
 */
import type { InputRecord } from './witness.ts'

export interface InputShape {
  readonly topics: readonly string[]
  /** Topics whose null values delete. On the others a null value is rare, and dropped by both sides. */
  readonly tables: readonly string[]
  /** How far behind the newest time a record may be. */
  readonly lateMs: number
  /** Values name a key of another table: `v3:b`, or none: `v3`. */
  readonly references: boolean
  readonly nullKeys: boolean
  /** Null values on streams too, which nothing but a join or an aggregate drops by itself. */
  readonly nullValues: boolean
  /** No two records of a topic and key have the same time; `times`: of a topic. */
  readonly distinct: 'none' | 'of-key' | 'times'
  /** Before a record that moves the time of its input comes one of another key with the same time. */
  readonly ticks: boolean
  /** One more record at the end, far ahead. */
  readonly lastLeap: boolean
  /** The time of the first record. Default 100. */
  readonly startMs?: number
  /** Null values are no later than others. Default: no newer than the newest of their topic. */
  readonly nullsInTime?: true
}

const keys = ['a', 'b', 'ž', 'key-4', ''] as const

/** Numbers from 0 to below 1, the same for the same seed: xorshift32. */
export function chanceOf(seed: number): () => number {
  let state = (Math.imul(seed + 1, 0x9e37_79b9) ^ 0x5bd1_e995) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 2 ** 32
  }
}

export function randomInputs(seed: number, shape: InputShape): InputRecord[] {
  const chance = chanceOf(seed)
  const whole = (below: number): number => Math.floor(chance() * below)
  const one = <T>(from: readonly T[]): T => from[whole(from.length)] as T
  const records: InputRecord[] = []
  let newestMs = 0
  const used = new Set<string>()
  const newestByTopic = new Map<string, number>()
  // Some inputs creep, others leap past every window.
  const stepMs = one([3, 8, 40])
  const keysUsed = keys.slice(0, 1 + whole(shape.ticks ? keys.length - 1 : keys.length))
  for (let left = 5 + whole(40); left > 0; left--) {
    const topic = one(shape.topics)
    const first = records.length === 0
    const key = !first && shape.nullKeys && chance() < 0.08 ? null : one(keysUsed)
    const deletes = !first && chance() < (shape.tables.includes(topic) ? 0.25 : shape.nullValues ? 0.04 : 0)
    const named = shape.references && chance() < 0.8 ? `:${one(keysUsed)}` : ''
    const value = deletes ? null : `${one(['v', 'w', 'x'])}${whole(8)}${named}`
    const leads = key !== null && value !== null && (first || chance() < 0.7)
    if (leads) newestMs += first ? (shape.startMs ?? 100) : whole(stepMs + 1)
    const lateMs = newestMs - whole(shape.lateMs + 1)
    const newestOfTopic = newestByTopic.get(topic) ?? 0
    const behind = value === null && shape.nullsInTime !== true
    const timestampMs = leads ? newestMs : behind ? Math.min(lateMs, newestOfTopic) : lateMs
    const place = `${topic} ${shape.distinct === 'times' ? '' : key} ${timestampMs}`
    if (shape.distinct !== 'none' && used.has(place)) continue
    used.add(place)
    // Its key is before all others, also in bytes.
    if (leads && shape.ticks) records.push([topic, `\t${records.length}`, 'z0', newestMs])
    newestByTopic.set(topic, Math.max(newestOfTopic, timestampMs))
    records.push([topic, key, value, Math.max(0, timestampMs)])
  }
  // Time passes at last, so that all windows close.
  if (shape.lastLeap) records.push([shape.topics[0]!, 'last', 'z9', newestMs + 1000])
  return records
}
