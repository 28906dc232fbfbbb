/** What must hold at the end of a run, whatever happened in it. */
import assert from 'node:assert/strict'
import type { Cluster } from '../../../src/client/cluster.ts'
import { readTopic, textOf } from '../../../src/client/consumer/read-topic-fixture.ts'
import { type Event, WINDOW_MS } from './parts.ts'

export interface Read {
  readonly partition: number
  readonly key: string
  readonly value: Event & { readonly n: number; readonly ids: number }
}

/** All records of a topic that are committed, in the order of each partition. */
export async function readAll(cluster: Cluster, topic: string): Promise<Read[]> {
  const records = await readTopic(cluster, topic)
  return records.map(({ partition, key, value }) => ({
    partition,
    key: textOf(key),
    value: JSON.parse(textOf(value)),
  }))
}

/** Acknowledged records are there; no record is there twice, changed, or out of order. */
export function checkEvents(
  stored: readonly Read[],
  acknowledged: ReadonlySet<number>,
  sent: ReadonlyMap<number, Event>,
): void {
  const ids = stored.map(({ value }) => value.id)
  const seen = new Set(ids)
  assert.equal(seen.size, ids.length, 'no record is stored twice')
  for (const id of acknowledged) assert.ok(seen.has(id), `record ${id} was acknowledged and is lost`)
  for (const { value } of stored) {
    assert.deepEqual(value, sent.get(value.id), 'a record is stored as it was sent')
  }
  for (const partition of new Set(stored.map((read) => read.partition))) {
    const own = stored.filter((read) => read.partition === partition).map(({ value }) => value.id)
    const sorted = own.toSorted((a, b) => a - b)
    assert.deepEqual(own, sorted, 'records of a partition are in the order in which they were sent')
  }
}

/** The results are those of a loop over the stored events, each of them once. Returns how many there are. */
export function checkResults(stored: readonly Read[], results: readonly Read[]): number {
  const expected = new Map<string, { n: number; ids: number }>()
  for (const { value } of stored) {
    const windowStartMs = Math.floor(value.atMs / WINDOW_MS) * WINDOW_MS
    const windowEndMs = windowStartMs + WINDOW_MS
    const key = JSON.stringify({ key: `group-${value.key}`, windowStartMs, windowEndMs })
    const row = expected.get(key) ?? { n: 0, ids: 0 }
    expected.set(key, { n: row.n + 1, ids: row.ids + value.id })
  }
  const got = new Map<string, unknown>()
  for (const { key, value } of results) {
    assert.equal(got.has(key), false, `window ${key} has one result`)
    got.set(key, value)
  }
  const text = 'the results are those of a run without crashes'
  assert.deepEqual(new Map([...got].toSorted()), new Map([...expected].toSorted()), text)
  return got.size
}
