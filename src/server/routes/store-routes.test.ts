/** Interactive queries over HTTP, answered by tasks that are made up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytesSerde, json, stringSerde } from '../../core/serde.ts'
import { pipeline } from '../../dsl/pipeline.ts'
import { tumbling } from '../../dsl/window.ts'
import { count } from '../../operators/aggregator.ts'
import { PipelineStores } from '../../runtime/queries/pipeline-stores.ts'
import { StoreDirectory } from '../../runtime/queries/store-directory.ts'
import type { TaskAnswer, TaskQuery } from '../../runtime/queries/task-query.ts'
import { keyValueStore } from '../../state/key-value-store.ts'
import { readRows } from '../../state/store-query.ts'
import { versionedStore } from '../../state/versioned-store.ts'
import { windowStore } from '../../state/window-store.ts'
import { withTestServer } from '../http-server-fixture.ts'

function shop() {
  const app = pipeline('shop')
  app.table('people', json<unknown>())
  app.table('texts', json<unknown>())
  app.table('photos', json<unknown>(), { key: bytesSerde })
  app.table('prices', json<number>(), { history: '1 hour' })
  app
    .stream('clicks', json<number>())
    .groupByKey()
    .window(tumbling('10 seconds', { emit: 'update' }))
    .aggregate({ clicks: count() }, { name: 'clicks-per-key' })
    .to('out')
  return app.plan()
}

const people = keyValueStore<unknown, unknown>('people-table', stringSerde as never, json<unknown>()).create()
people.put('ann', { age: 41, photo: new Uint8Array([1, 2, 3]), id: 2n ** 60n }, 5)
people.put('bob/1', { age: 20 }, 6)
people.put('cid', { age: 30 }, 7)
const prices = versionedStore<unknown, number>(
  'prices-table',
  json<unknown>(),
  json<number>(),
  3_600_000,
).create()
prices.put('oil', 5, 1_000_000)
prices.put('oil', 7, 1_005_000)
const clicks = windowStore<unknown, unknown>('clicks-per-key', json<unknown>(), json<unknown>()).create()
for (const startMs of [0, 10_000, 20_000]) clicks.add(startMs, 'ann', [[startMs / 10_000 + 1], startMs])
const odd = [
  '',
  'a/b',
  'a%2Fb',
  '日本',
  '😀',
  '?q=1',
  '#h',
  'sp ace',
  '+',
  '%',
  '\n',
  '\u0000',
  '"q"',
  'a&b=c',
  'null',
]
const texts = keyValueStore<unknown, unknown>('texts-table', stringSerde as never, json<unknown>()).create()
for (const key of [...odd, '..']) texts.put(key, 1, 8)
/** As they lie in a store: views of batches; queries come with their own, from another thread as Uint8Array. */
const bins = [[0, 1, 255], [255, 254], [], [62, 63, 251, 255], [112]].map((bytes) => Buffer.from(bytes))
const photos = keyValueStore<unknown, unknown>('photos-table', bytesSerde as never, json<unknown>()).create()
for (const [at, key] of bins.entries()) photos.put(key, at, 9)
const held = [people, photos, texts, prices, clicks]

/** Tasks of one partition, or none as while they are being moved. */
const directory = (there = true) => {
  const plan = shop()
  const ask = async (query: TaskQuery): Promise<readonly TaskAnswer[]> => {
    const store = held.find(({ name }) => name === query.store)
    const shown = plan.subTopologies
      .flatMap(({ stores }) => stores)
      .find(({ spec }) => spec.name === query.store)?.spec.queried
    if (!there || store === undefined || shown === undefined) return []
    const position = [{ topic: 'people', partition: 0, offset: 3 }]
    // As it crosses to a worker and back.
    const rows = structuredClone(readRows(store, shown, structuredClone(query)))
    return [{ partition: 0, rows, position, committed: true }]
  }
  const partitionCounts = new Map(
    ['people', 'photos', 'texts', 'prices', 'clicks'].map((topic) => [topic, 1]),
  )
  const runtime = { stores: new PipelineStores({ plan, partitionCounts, ask }) }
  return new StoreDirectory(() => [{ name: 'shop', runtime }])
}

interface Asked {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: what an API answers is looked at field by field
  readonly body: any
}

async function asked(paths: readonly string[], stores = directory()): Promise<Asked[]> {
  const answers: Asked[] = []
  await withTestServer({ stores }, async ({ url }) => {
    for (const path of paths) {
      const response = await fetch(`${url}/api/stores${path}`)
      answers.push({ status: response.status, body: await response.json() })
    }
  })
  return answers
}

describe('the API of stores', () => {
  it('lists them', async () => {
    const [list] = await asked([''])
    assert.deepEqual(
      list!.body.stores.map(({ name, kind, table }: Record<string, string>) => [name, kind, table]),
      [
        ['people-table', 'key-value', 'people'],
        ['texts-table', 'key-value', 'texts'],
        ['photos-table', 'key-value', 'photos'],
        ['prices-table', 'versioned', 'prices'],
        ['clicks-per-key', 'window', undefined],
      ],
    )
  })

  it('gives a key with the position of its state, and bytes and large numbers as texts', async () => {
    const [ann, bob, nobody] = await asked(['/people/keys/ann', '/people/keys/bob%2F1', '/people/keys/zoe'])
    assert.deepEqual(ann, {
      status: 200,
      body: {
        store: 'people-table',
        key: 'ann',
        value: { age: 41, photo: 'AQID', id: '1152921504606846976' },
        timestampMs: 5,
        position: [{ topic: 'people', partition: 0, offset: 3 }],
        committed: true,
      },
    })
    assert.equal(bob!.body.value.age, 20)
    assert.equal(nobody!.status, 404)
    assert.equal(nobody!.body.error.code, 'MR_HTTP_NOT_FOUND')
    assert.equal(nobody!.body.position[0].offset, 3)
  })

  it('finds every key that a path can carry, and says when one is none', async () => {
    for (const key of odd) {
      const [answer] = await asked([`/texts/keys/${encodeURIComponent(key)}`])
      assert.deepEqual([answer!.status, answer!.body.key], [200, key])
    }
    const [alone] = await asked(['/texts/keys?from=..&to=..'])
    assert.deepEqual(
      alone!.body.rows.map(({ key }: { key: string }) => key),
      ['..'],
    )
    for (const path of ['%FF', '%zz', '%E0%A4%A']) {
      const [answer] = await asked([`/people/keys/${path}`])
      assert.deepEqual([answer!.status, answer!.body.error.code], [400, 'MR_QUERY_INVALID'])
    }
  })

  it('finds keys that are bytes, and gives all of them page by page', async () => {
    const paths = bins.map((key) => `/photos/keys/${encodeURIComponent(key.toString('base64'))}`)
    assert.deepEqual(
      (await asked(paths)).map(({ status, body }) => [status, body.value]),
      bins.map((_, at) => [200, at]),
    )
    const seen: string[] = []
    for (let query = '?limit=2'; query !== ''; ) {
      const [{ body }] = (await asked([`/photos/keys${query}`])) as [Asked]
      seen.push(...body.rows.map(({ key }: { key: string }) => key))
      query = body.cursor === undefined ? '' : `?limit=2&cursor=${encodeURIComponent(body.cursor)}`
      assert.ok(seen.length <= bins.length, String(seen))
    }
    assert.deepEqual(
      seen,
      bins.toSorted(Buffer.compare).map((key) => key.toString('base64')),
    )
    const [range, prefix] = await asked(['/photos/keys?from=AA==&to=//8=', '/photos/keys?prefix=AA=='])
    assert.equal(range!.body.rows.length, 4)
    assert.deepEqual([prefix!.status, prefix!.body.error.code], [400, 'MR_QUERY_INVALID'])
  })

  it('gives ranges, prefixes and pages', async () => {
    const [ranged, prefixed, first] = await asked([
      '/people/keys?from=b&to=cid',
      '/people/keys?prefix=bo',
      '/people/keys?limit=2',
    ])
    const keys = ({ body }: Asked): string[] => body.rows.map(({ key }: { key: string }) => key)
    assert.deepEqual(keys(ranged!), ['bob/1', 'cid'])
    assert.deepEqual(keys(prefixed!), ['bob/1'])
    assert.deepEqual(keys(first!), ['ann', 'bob/1'])
    const [second] = await asked([`/people/keys?limit=2&cursor=${first!.body.cursor}`])
    assert.deepEqual(keys(second!), ['cid'])
    assert.equal(second!.body.cursor, undefined)
  })

  it('gives windows between times and values as of a time', async () => {
    const [windows, before, later] = await asked([
      '/clicks-per-key/keys/ann?fromMs=10000&toMs=1970-01-01T00:00:20Z',
      '/prices/keys/oil?asOf=1004999',
      '/prices/keys/oil',
    ])
    assert.deepEqual(
      windows!.body.rows.map((row: Record<string, unknown>) => [
        row['windowStartMs'],
        row['windowEndMs'],
        row['value'],
      ]),
      [
        [10_000, 20_000, { clicks: 2 }],
        [20_000, 30_000, { clicks: 3 }],
      ],
    )
    assert.deepEqual([before!.body.value, later!.body.value], [5, 7])
  })

  it('says what is wrong, as JSON', async () => {
    const answers = await asked([
      '/peple/keys/ann',
      '/people/keys/ann?asOf=5',
      '/people/keys?limit=0',
      '/people/keys?limit=x',
      '/people/keys?cursor=x',
      '/people/keys?form=b',
      '/people/keys/ann?from=b',
      '/prices/keys/oil?asOf=soon',
      '/people/keys/ann?pipeline=shoop',
    ])
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body.error.code, body.error.hint !== undefined]),
      [
        [404, 'MR_STORE_UNKNOWN', true],
        [400, 'MR_STORE_KIND', true],
        [400, 'MR_QUERY_INVALID', true],
        [400, 'MR_QUERY_INVALID', true],
        [400, 'MR_QUERY_INVALID', true],
        [400, 'MR_QUERY_INVALID', true],
        [400, 'MR_QUERY_INVALID', true],
        [400, 'MR_QUERY_INVALID', true],
        [404, 'MR_STORE_UNKNOWN', true],
      ],
    )
    assert.match(answers[0]!.body.error.hint, /"people"/)
  })

  it('says when state is being moved', async () => {
    const [moving] = await asked(['/people/keys/ann'], directory(false))
    assert.equal(moving!.status, 503)
    assert.equal(moving!.body.error.code, 'MR_STORE_MOVING')
  })
})
