/**
 * Joins against naive models that look at all records at once: as-of joins on a versioned table, and joins of three
 * tables and of three streams.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { json } from '../core/serde.ts'
import { type TestDriver, testDriver } from '../testing/test-driver.ts'
import { type Pipeline, pipeline } from './pipeline.ts'

const HISTORY_MS = 20
const WITHIN_MS = 4

interface Given {
  readonly topic: string
  readonly key: string
  readonly atMs: number
  /** null deletes. */
  readonly value: number | null
}

const given = (topics: readonly string[], nulls: readonly string[]): fc.Arbitrary<Given[]> =>
  fc
    .array(
      fc.record({
        topic: fc.constantFrom(...topics),
        key: fc.constantFrom('a', 'b'),
        atMs: fc.nat(40),
        deletes: fc.boolean(),
      }),
      { maxLength: 30 },
    )
    .map((records) =>
      records.map(({ topic, key, atMs, deletes }, id) => {
        const value = deletes && nulls.includes(topic) && id % 2 === 0 ? null : id
        return { topic, key, atMs, value }
      }),
    )

const inOrder = (records: readonly Given[]): Given[] => records.toSorted((a, b) => a.atMs - b.atMs)

function append(driver: TestDriver, { topic, key, value, atMs }: Given): void {
  driver.topic(topic).append(value, { key, timestampMs: atMs })
}

/** As a replay finds them: every topic is full when the pipeline starts. */
function replayed(app: Pipeline, records: readonly Given[]): TestDriver {
  const driver = testDriver(app, {
    before: (driver) => {
      for (const one of records) append(driver, one)
    },
  })
  driver.end()
  return driver
}

const rows = (driver: TestDriver, topic: string): string[] =>
  driver
    .topic(topic)
    .read()
    .map(({ key, value, timestampMs }) => JSON.stringify([key, value, timestampMs]))

describe('an as-of join', () => {
  const asOf = (): Pipeline => {
    const app = pipeline('app')
    const versions = app.table('versions', json<number>(), { history: HISTORY_MS })
    const asks = app.stream('asks', json<number>())
    asks.leftJoin(versions, (ask, version) => [ask, version], { name: 'left' }).to('left')
    asks.join(versions, (ask, version) => [ask, version], { name: 'inner' }).to('inner')
    return app
  }
  const records = given(['versions', 'asks'], ['versions'])

  /** The version that held at a time, of those that are known. */
  const heldAt = (versions: readonly Given[], { key, atMs }: Given): number | null =>
    versions
      .filter((one) => one.key === key && one.atMs <= atMs)
      .reduce<Given | undefined>((last, one) => (last && last.atMs > one.atMs ? last : one), undefined)
      ?.value ?? null

  /** Behind the history only the latest version of each key is left. */
  const remembered = (known: readonly Given[], newestMs: number, ask: Given): readonly Given[] => {
    if (ask.atMs >= newestMs - HISTORY_MS) return known
    const own = known.filter(({ key }) => key === ask.key)
    const latestMs = Math.max(...own.map(({ atMs }) => atMs))
    return own.filter(({ atMs }) => atMs === latestMs)
  }

  function check(driver: TestDriver, expected: readonly (readonly [ask: Given, version: number | null])[]) {
    const row = ([{ key, value, atMs }, version]: (typeof expected)[number]): string =>
      JSON.stringify([key, [value, version], atMs])
    assert.deepEqual(rows(driver, 'left'), expected.map(row))
    assert.deepEqual(rows(driver, 'inner'), expected.filter(([, version]) => version !== null).map(row))
  }

  it('in a replay gives each record the version that held at its time, whatever came when', () => {
    fc.assert(
      fc.property(records, (list) => {
        const ordered = inOrder(list)
        const versions = ordered.filter(({ topic }) => topic === 'versions')
        const asks = ordered.filter(({ topic }) => topic === 'asks')
        const driver = replayed(asOf(), ordered)
        check(
          driver,
          asks.map((ask) => [ask, heldAt(versions, ask)]),
        )
        assert.equal(driver.topic('app-late').read().length, 0)
      }),
    )
  })

  it('live gives each record the version that is known by then, also to who comes late', () => {
    fc.assert(
      fc.property(records, (list) => {
        const driver = testDriver(asOf())
        const known: Given[] = []
        const expected: [Given, number | null][] = []
        let newestMs = Number.NEGATIVE_INFINITY
        for (const one of list) {
          append(driver, one)
          if (one.topic === 'asks') expected.push([one, heldAt(remembered(known, newestMs, one), one)])
          else if (one.atMs >= newestMs - HISTORY_MS) known.push(one)
          if (one.topic === 'versions') newestMs = Math.max(newestMs, one.atMs)
        }
        check(driver, expected)
      }),
    )
  })
})

describe('three tables', () => {
  it('give for each key what the last value of each says, whatever came when', () => {
    const app = (): Pipeline => {
      const app = pipeline('app')
      const [a, b, c] = [
        app.table('a', json<number>()),
        app.table('b', json<number>()),
        app.table('c', json<number>()),
      ]
      a.join(b, (x, y) => [x, y], { name: 'inner-two' })
        .join(c, ([x, y], z) => [x, y, z], { name: 'inner' })
        .to('inner')
      a.leftJoin(b, (x, y) => [x, y], { name: 'left-two' })
        .leftJoin(c, ([x, y], z) => [x, y, z], { name: 'left' })
        .to('left')
      a.outerJoin(b, (x, y) => [x, y], { name: 'outer-two' })
        .outerJoin(c, (both, z) => [both?.[0] ?? null, both?.[1] ?? null, z], { name: 'outer' })
        .to('outer')
      return app
    }
    fc.assert(
      fc.property(given(['a', 'b', 'c'], ['a', 'b', 'c']), (list) => {
        const driver = testDriver(app())
        const last = new Map<string, number | null>()
        for (const one of list) {
          append(driver, one)
          last.set(`${one.topic} ${one.key}`, one.value)
        }
        for (const kind of ['inner', 'left', 'outer'] as const) {
          const found = new Map<unknown, unknown>()
          for (const { key, value } of driver.topic(kind).read()) found.set(key, value)
          for (const key of ['a', 'b']) {
            const [x, y, z] = ['a', 'b', 'c'].map((topic) => last.get(`${topic} ${key}`) ?? null)
            const there = {
              inner: x !== null && y !== null && z !== null,
              left: x !== null,
              outer: x !== null || y !== null || z !== null,
            }
            assert.deepEqual(found.get(key) ?? null, there[kind] ? [x, y, z] : null, `${kind} ${key}`)
          }
        }
      }),
    )
  })
})

describe('three streams', () => {
  it('give in a replay every three that are near each other, once, and none is late', () => {
    const app = (): Pipeline => {
      const app = pipeline('app')
      const [a, b, c] = ['a', 'b', 'c'].map((topic) => app.stream(topic, json<number>()))
      a!
        .join(b!, (x, y) => [x, y], { name: 'pairs', within: WITHIN_MS })
        .join(c!, (pair, z) => [...pair, z], { name: 'triples', within: WITHIN_MS })
        .to('triples')
      return app
    }
    fc.assert(
      fc.property(given(['a', 'b', 'c'], []), (list) => {
        const ordered = inOrder(list)
        const driver = replayed(app(), ordered)
        const near = (oneMs: number, otherMs: number): boolean => Math.abs(oneMs - otherMs) <= WITHIN_MS
        const of = (topic: string): Given[] => ordered.filter((one) => one.topic === topic)
        const expected = of('a').flatMap((x) =>
          of('b').flatMap((y) =>
            of('c').flatMap((z) => {
              const pairMs = Math.max(x.atMs, y.atMs)
              const together = x.key === y.key && y.key === z.key
              if (!together || !near(x.atMs, y.atMs) || !near(pairMs, z.atMs)) return []
              return [JSON.stringify([x.key, [x.value, y.value, z.value], Math.max(pairMs, z.atMs)])]
            }),
          ),
        )
        assert.deepEqual(rows(driver, 'triples').toSorted(), expected.toSorted())
        assert.equal(driver.topic('app-late').read().length, 0)
      }),
    )
  })
})
