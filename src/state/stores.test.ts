/** Every store, rebuilt from what it flushed, holds what it held: over random changes and flushes in between. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isMillraceError } from '../core/errors.ts'
import { bytesSerde, json, stringSerde } from '../core/serde.ts'
import { type JoinBuffer, joinBuffer } from './join-buffer.ts'
import { keyValueStore } from './key-value-store.ts'
import { type SessionStore, sessionStore } from './session-store.ts'
import { type ChangelogRecord, type ChangelogWriter, mapKeyOf, type StateStore } from './store.ts'
import { versionedStore } from './versioned-store.ts'
import { windowStore } from './window-store.ts'

/** A changelog that keeps the last value per key, as a compacted topic does. */
class Changelog implements ChangelogWriter {
  readonly records: { key: string; value: Buffer | null; timestampMs: number }[] = []

  write(...[key, value, timestampMs]: Parameters<ChangelogWriter['write']>): void {
    this.records.push({ key: key.copy().toString('latin1'), value: value?.copy() ?? null, timestampMs })
  }

  /** Puts the records back; `compacted` leaves only the last of each key. */
  restoreInto(store: StateStore, compacted: boolean): void {
    const last = new Map(this.records.map((record, at) => [record.key, at]))
    this.records.forEach((record, at) => {
      if (!compacted || last.get(record.key) === at) store.restore(changelogRecord(record))
    })
  }
}

function changelogRecord(record: {
  key: string
  value: Buffer | null
  timestampMs: number
}): ChangelogRecord {
  const key = Buffer.from(record.key, 'latin1')
  const body = Buffer.concat([Buffer.from('xx'), key, record.value ?? Buffer.alloc(0)])
  const keyEnd = 2 + key.length
  const valueStart = record.value === null ? -1 : keyEnd
  return { body, keyStart: 2, keyEnd, valueStart, valueEnd: body.length, timestampMs: record.timestampMs }
}

const keys = fc.constantFrom('a', 'bb', 'ž', '')
const times = fc.nat(40)

/** Runs changes with flushes between them on a store, then checks its two rebuilt twins by `contents`. */
function checkRebuild<S extends StateStore, C>(
  make: () => S,
  changes: readonly C[],
  apply: (store: S, change: C) => void,
  contents: (store: S) => unknown,
): void {
  const store = make()
  const changelog = new Changelog()
  changes.forEach((change, at) => {
    apply(store, change)
    if (at % 3 === 0) store.flush(changelog)
  })
  store.flush(changelog)
  const written = changelog.records.length
  assert.equal(store.flush(changelog), 0, 'nothing changed since')
  assert.equal(changelog.records.length, written)
  for (const compacted of [false, true]) {
    const twin = make()
    changelog.restoreInto(twin, compacted)
    assert.deepEqual(contents(twin), contents(store))
    assert.equal(twin.entryCount, store.entryCount)
    assert.equal(twin.flush(new Changelog()), 0, 'restoring is not a change')
  }
}

describe('a store rebuilt from its changelog', () => {
  it('holds the same keys and values', () => {
    const change = fc.record({ key: keys, value: fc.option(fc.nat(), { nil: undefined }), at: times })
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        checkRebuild(
          () => keyValueStore('kv', stringSerde, json<number>()).create(),
          changes,
          (store, { key, value, at }) => store.put(key, value, at),
          (store) => new Map(store.all()),
        )
      }),
    )
  })

  it('holds the same windows', () => {
    const change = fc.record({ key: keys, start: fc.nat(3), add: fc.nat(), remove: fc.boolean() })
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        checkRebuild(
          () => windowStore('w', stringSerde, json<{ n: number }>()).create(),
          changes,
          (store, { key, start, add, remove }) => {
            if (remove) return store.removeWindow(start * 10)
            const entry = store.find(start * 10, key)
            if (entry === undefined) return store.add(start * 10, key, { n: add })
            entry.state.n += add
            store.touch(entry)
          },
          (store) =>
            store
              .starts()
              .map((start) => [
                start,
                [...store.window(start)].map((entry) => `${entry.key} ${entry.state.n}`).toSorted(),
                store.oldestStartMs,
              ]),
        )
      }),
    )
  })

  it('holds the same sessions', () => {
    const change = fc.record({ key: keys, at: times, value: fc.nat() })
    const apply = (
      store: SessionStore<string, number[]>,
      { key, at, value }: { key: string; at: number; value: number },
    ): void => {
      const touching = store.overlapping(key, at - 3, at + 3)
      for (const session of touching) store.remove(session)
      const start = Math.min(at, ...touching.map((s) => s.startMs))
      const end = Math.max(at, ...touching.map((s) => s.endMs))
      const state = [...touching.flatMap((s) => s.state), value]
      store.put(key, start, end, state, touching[0]?.slot ?? { session: undefined })
    }
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        checkRebuild(
          () => sessionStore('s', stringSerde, json<number[]>()).create(),
          changes,
          apply,
          (store) =>
            [...store.all()]
              .map((s) => `${s.key} ${s.startMs}-${s.endMs} ${s.state} ${s.slot.session === s}`)
              .toSorted(),
        )
      }),
    )
  })

  it('holds the same versions, and forgets those that left the history', () => {
    const change = fc.record({ key: keys, from: times, value: fc.option(fc.nat(), { nil: undefined }) })
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        checkRebuild(
          () => versionedStore('v', stringSerde, json<number>(), 15).create(),
          changes,
          (store, { key, from, value }) => store.put(key, value, from),
          (store) =>
            ['a', 'bb', 'ž', ''].map((key) => Array.from({ length: 45 }, (_, at) => store.asOf(key, at))),
        )
      }),
    )
  })

  it('holds each version from its time on, as a list of all of them does', () => {
    const change = fc.record({ key: keys, from: times, value: fc.option(fc.nat(), { nil: undefined }) })
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const store = versionedStore('v', stringSerde, json<number>(), 15).create()
        const model: typeof changes = []
        let newest = Number.NEGATIVE_INFINITY
        for (const one of changes) {
          const taken = store.put(one.key, one.value, one.from)
          assert.equal(taken === 'expired', one.from < newest - 15)
          if (taken === 'expired') continue
          newest = Math.max(newest, one.from)
          const others = model.filter(({ key }) => key === one.key)
          assert.equal(
            taken === 'latest',
            others.every(({ from }) => from <= one.from),
          )
          model.push(one)
        }
        for (const key of ['a', 'bb', 'ž', '']) {
          const versions = model.filter((one) => one.key === key).toSorted((a, b) => a.from - b.from)
          for (let at = Math.max(0, newest - 15); at < 45; at++) {
            const held = versions.findLast(({ from }) => from <= at)
            const expected =
              held?.value === undefined ? undefined : { value: held.value, timestampMs: held.from }
            assert.deepEqual(store.asOf(key, at), expected)
          }
          const last = versions.at(-1)
          if (last?.value !== undefined) assert.equal(store.asOf(key, last.from)?.value, last.value)
        }
      }),
    )
  })

  it('holds the same join records, duplicates and all', () => {
    const change = fc.record({ key: keys, at: times, value: fc.nat(), expire: fc.boolean() })
    const contents = (store: JoinBuffer<string, number>): unknown =>
      ['a', 'bb', 'ž', ''].map((key) => {
        const found: string[] = []
        store.forEach(key, 0, 100, (r) => found.push(`${r.timestampMs} ${r.value} ${r.met}`))
        return found.toSorted()
      })
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        checkRebuild(
          () => joinBuffer('j', stringSerde, json<number>(), 16).create(),
          changes,
          (store, { key, at, value, expire }) => {
            if (expire) store.expire(at)
            else store.add(key, value, at, value % 2 === 0 ? 'yes' : 'no')
            if (value % 3 === 0) store.forEach(key, at - 3, at, (record) => store.mark(record, 'alone'))
          },
          contents,
        )
      }),
    )
  })

  it('names itself when a record cannot be read back', () => {
    const store = windowStore('by-hour', stringSerde, json<number>()).create()
    const tooShort = changelogRecord({ key: 'abc', value: Buffer.from('1'), timestampMs: 0 })
    assert.throws(
      () => store.restore(tooShort),
      (e) => isMillraceError(e, 'MR_STATE_CORRUPT') && /by-hour/.test(e.message),
    )
    const noJson = changelogRecord({ key: 'key12345678', value: Buffer.from('{'), timestampMs: 0 })
    assert.throws(
      () => store.restore(noJson),
      (e) => isMillraceError(e, 'MR_STATE_CORRUPT'),
    )
  })
})

describe('keys of a store', () => {
  it('are the same when their bytes are: of a Buffer, of a Uint8Array, and after a restore', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ maxLength: 5 }), (one, other) => {
        const same = Buffer.compare(one, other) === 0
        assert.equal(mapKeyOf(one) === mapKeyOf(Buffer.from(other)), same)
        assert.equal(mapKeyOf({ a: [one] }) === mapKeyOf({ a: [Buffer.from(other)] }), same)
      }),
    )
    const make = () => keyValueStore('bytes', bytesSerde, json<number>()).create()
    const changelog = new Changelog()
    const store = make()
    store.put(new Uint8Array([0, 255]), 1, 0)
    store.flush(changelog)
    const rebuilt = make()
    changelog.restoreInto(rebuilt, true)
    assert.equal(rebuilt.get(new Uint8Array([0, 255])), 1)
    rebuilt.put(new Uint8Array([0, 255]), 2, 0)
    assert.equal(rebuilt.entryCount, 1)
  })

  it('may be bigints, alone and in others', () => {
    assert.deepEqual([mapKeyOf(5n), mapKeyOf(-(2n ** 60n))], [5, '-1152921504606846976'])
    assert.notEqual(mapKeyOf({ id: 2n ** 60n }), mapKeyOf({ id: 2n ** 60n + 1n }))
    assert.equal(mapKeyOf({ id: 5n, at: new Date(0) }), '{"id":5,"at":"1970-01-01T00:00:00.000Z"}')
    assert.equal(mapKeyOf({ b: 1, a: ['x'] }), '{"b":1,"a":["x"]}')
  })
})
