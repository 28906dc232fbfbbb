import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { StoredRecord } from '../core/record.ts'
import { json, stringSerde } from '../core/serde.ts'
import type { ChangelogWriter } from './store.ts'
import { type WaitingEntry, WaitingStore, waitingStore } from './waiting-store.ts'

const make = () => new WaitingStore<string | null, unknown>('waiting', stringSerde as never, json())

/** A changelog as a compacted topic keeps it. */
class Changelog implements ChangelogWriter {
  readonly records = new Map<string, { key: Buffer; value: Buffer | null }>()

  write: ChangelogWriter['write'] = (key, value) => {
    this.records.set(key.copy().toString('hex'), { key: key.copy(), value: value?.copy() ?? null })
  }

  restored() {
    const store = make()
    for (const { key, value } of this.records.values()) {
      const body = Buffer.concat([key, value ?? Buffer.alloc(0)])
      const valueStart = value === null ? -1 : key.length
      store.restore({
        body,
        keyStart: 0,
        keyEnd: key.length,
        valueStart,
        valueEnd: body.length,
        timestampMs: 0,
      })
    }
    return store
  }
}

const bytes = fc.option(fc.uint8Array({ maxLength: 8 }))
const timeMs = fc.integer({ min: -1_000_000, max: 2 ** 45 })
const origin: fc.Arbitrary<StoredRecord> = fc.record({
  topic: fc.string({ maxLength: 8 }),
  partition: fc.nat(),
  offset: fc.maxSafeNat(),
  timestampMs: timeMs,
  key: bytes,
  value: bytes,
  headers: fc.array(fc.record({ key: fc.string({ maxLength: 5 }), value: bytes }), { maxLength: 3 }),
})
const waiting = fc.record({
  key: fc.option(fc.string({ maxLength: 5 })),
  value: fc.option(fc.jsonValue()),
  timestampMs: timeMs,
  streamTimeMs: fc.oneof(timeMs, fc.constant(Number.NEGATIVE_INFINITY)),
  origin: fc.option(origin, { nil: undefined }),
  attempts: fc.nat(1000),
  parked: fc.boolean(),
  error: fc.option(fc.record({ name: fc.string(), message: fc.string() }), { nil: undefined }),
  removed: fc.integer({ min: 0, max: 3 }),
})

/** What counts of an entry, with bytes as arrays. */
function shown({ key, value, timestampMs, streamTimeMs, origin, attempts, parked, error }: WaitingEntry) {
  const list = (one: Uint8Array | null) => (one === null ? null : [...one])
  const place = origin && {
    ...origin,
    key: list(origin.key),
    value: list(origin.value),
    headers: origin.headers.map((header) => [header.key, list(header.value)]),
  }
  return JSON.stringify([key, value, timestampMs, String(streamTimeMs), place, attempts, parked, error])
}

describe('the store of records that wait', () => {
  it('comes back from its changelog as it was, in its order, whatever came and went', () => {
    fc.assert(
      fc.property(fc.array(waiting, { maxLength: 12 }), (all) => {
        const changelog = new Changelog()
        const store = make()
        const later: (() => void)[] = []
        for (const { attempts, parked, error, removed, ...one } of all) {
          const entry = store.add(one)
          entry.attempts = attempts
          entry.parked = parked
          entry.error = error
          if (removed === 1) store.remove(entry)
          if (removed === 2) later.push(() => store.remove(entry))
        }
        store.flush(changelog)
        assert.deepEqual(changelog.restored().all().map(shown), store.all().map(shown))
        for (const remove of later) remove()
        store.flush(changelog)
        const restored = changelog.restored()
        assert.deepEqual(restored.all().map(shown), store.all().map(shown))
        // What comes next comes behind all of them.
        const next = restored.add({ key: 'k', value: 1, timestampMs: 0, streamTimeMs: 0, origin: undefined })
        assert.equal(restored.all().at(-1), next)
      }),
      { numRuns: 200 },
    )
  })

  it('writes nothing of what came and went between two commits', () => {
    const changelog = new Changelog()
    const store = waitingStore<string, number>('waiting', stringSerde, json()).create()
    store.remove(store.add({ key: 'k', value: 1, timestampMs: 0, streamTimeMs: 0, origin: undefined }))
    assert.equal(store.flush(changelog), 0)
    assert.equal(changelog.records.size, 0)
  })

  it('refuses bytes of another version', () => {
    const body = Buffer.concat([Buffer.alloc(8), Buffer.from([9])])
    const record = { body, keyStart: 0, keyEnd: 8, valueStart: 8, valueEnd: 9, timestampMs: 0 }
    assert.throws(() => make().restore(record), { code: 'MR_STATE_CORRUPT' })
  })
})
