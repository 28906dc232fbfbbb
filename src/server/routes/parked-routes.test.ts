/** Parked keys over HTTP, held by tasks that are made up: what is asked and told, and who may. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '../../core/errors.ts'
import { json } from '../../core/serde.ts'
import { pipeline } from '../../dsl/pipeline.ts'
import type { ParkedKey } from '../../operators/operator.ts'
import { ParkedDirectory } from '../../runtime/parked/parked-directory.ts'
import type { ParkedRequest, TaskDecided } from '../../runtime/parked/parked-request.ts'
import { PipelineParked } from '../../runtime/parked/pipeline-parked.ts'
import { withTestServer } from '../http-server-fixture.ts'

function plan(name: string) {
  const app = pipeline(name)
  app
    .stream('in', json<number>())
    .mapAsync((n) => n, { name: 'asked', order: 'per-key', onFailure: 'park' })
    .to(`out-${name}`)
  return app.plan()
}

const parkedKey = (key: unknown): ParkedKey => ({
  operator: 'asked',
  key,
  records: 2,
  attempts: 3,
  error: { name: 'Error', message: 'closed' },
  timestampMs: 5,
  place: { topic: 'in', partition: 0, offset: 7 },
})

/** Two pipelines with a task each; `told` is what the tasks were told. */
function directory(
  how: {
    readonly there?: boolean
    readonly ended?: boolean
    readonly keys?: readonly unknown[]
    readonly failure?: Error
  } = {},
) {
  const { there = true, ended = false, keys = ['ann', null, new Uint8Array([1, 2, 3])], failure } = how
  const told: ParkedRequest[] = []
  const parked = (name: string): PipelineParked => {
    const place = { subTopology: 0, partition: 0 }
    return new PipelineParked({
      plan: plan(name),
      partitionCounts: new Map([['in', 1]]),
      ask: async (most) =>
        there ? [{ ...place, count: keys.length, keys: keys.slice(0, most).map(parkedKey) }] : [],
      tell: async (request) => {
        told.push(request)
        if (failure !== undefined) return [{ status: 'rejected', reason: failure }]
        const value: TaskDecided[] = there
          ? [{ ...place, records: keys.includes(request.key) ? 1 : 0, ended }]
          : []
        return [{ status: 'fulfilled', value }]
      },
    })
  }
  const pipelines = ['shop', 'mill'].map((name) => ({ name, runtime: { parked: parked(name) } }))
  return { told, parked: new ParkedDirectory(() => pipelines) }
}

interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: what an API answers is looked at field by field
  readonly body: any
  readonly headers: Headers
}

async function ask(parked: ParkedDirectory, path: string, init: RequestInit = {}): Promise<Answer> {
  let answer: Answer | undefined
  await withTestServer({ parked }, async ({ url }) => {
    const response = await fetch(`${url}/api/parked${path}`, init)
    answer = { status: response.status, body: await response.json(), headers: response.headers }
  })
  return answer!
}

const asJson = { 'content-type': 'application/json; charset=utf-8' }
const decide = (parked: ParkedDirectory, body: unknown, headers: Record<string, string> = asJson) =>
  ask(parked, '/decide', {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const skip = { operator: 'asked', key: 'ann', decision: 'skip', pipeline: 'shop' }

describe('the API of parked keys', () => {
  it('lists those of all pipelines or of one, bytes as base64', async () => {
    const { parked } = directory()
    const all = await ask(parked, '')
    assert.equal(all.body.total, 6)
    assert.deepEqual(
      all.body.keys.map(({ pipeline: name, key }: Record<string, unknown>) => [name, key]),
      ['shop', 'mill'].flatMap((name) => ['ann', null, 'AQID'].map((key) => [name, key])),
    )
    const one = await ask(parked, '?pipeline=mill&limit=1')
    assert.deepEqual(one.body, { total: 3, keys: [{ pipeline: 'mill', ...parkedKey('ann') }] })
  })

  it('takes decisions and says for how many records', async () => {
    const { parked, told } = directory()
    const answer = await decide(parked, skip)
    assert.deepEqual([answer.status, answer.body], [200, { records: 1 }])
    assert.deepEqual(told, [{ operator: 'asked', key: 'ann', decision: 'skip' }])
    assert.equal(answer.headers.get('cache-control'), 'no-store')
  })

  it('says what is wrong, as JSON, and tells nobody', async () => {
    const { parked, told } = directory()
    const { key: _, ...keyless } = skip
    const wrong: readonly (readonly [unknown, number, string])[] = [
      ['{', 400, 'MR_QUERY_INVALID'],
      ['7', 400, 'MR_QUERY_INVALID'],
      [keyless, 400, 'MR_QUERY_INVALID'],
      [{ ...skip, decision: 'retyr' }, 400, 'MR_QUERY_INVALID'],
      [{ ...skip, operator: 5 }, 400, 'MR_QUERY_INVALID'],
      [{ ...skip, pipline: 'shop' }, 400, 'MR_QUERY_INVALID'],
      [{ ...skip, pipeline: 5 }, 400, 'MR_QUERY_INVALID'],
      [{ ...skip, pipeline: undefined }, 400, 'MR_QUERY_INVALID'],
      [{ ...skip, pipeline: 'shopp' }, 404, 'MR_PIPELINE_UNKNOWN'],
      [{ ...skip, operator: 'aksed' }, 404, 'MR_OPERATOR_UNKNOWN'],
    ]
    for (const [body, status, code] of wrong) {
      const answer = await decide(parked, body)
      assert.deepEqual([answer.status, answer.body.error.code], [status, code], JSON.stringify(body))
      assert.ok(answer.body.error.hint.length > 0)
    }
    assert.deepEqual(told, [])
    for (const query of ['?limit=0', '?limit=x', '?limit=10001', '?pipelin=shop'])
      assert.equal((await ask(parked, query)).body.error.code, 'MR_QUERY_INVALID', query)
  })

  it('says when a key is not parked, when its state is elsewhere, and when the end has come', async () => {
    const notKept = new MillraceError('MR_STORE_MOVING', 'a decision was not kept')
    const cases = [
      [{}, 'zoe', 404, 'MR_KEY_NOT_PARKED'],
      [{ there: false }, 'ann', 503, 'MR_STORE_MOVING'],
      [{ failure: notKept }, 'ann', 503, 'MR_STORE_MOVING'],
      [{ ended: true, keys: [] }, 'ann', 409, 'MR_PIPELINE_ENDED'],
    ] as const
    for (const [how, key, status, code] of cases) {
      const answer = await decide(directory(how).parked, { ...skip, key })
      assert.deepEqual([answer.status, answer.body.error.code], [status, code])
    }
    const moving = await ask(directory({ there: false }).parked, '')
    assert.deepEqual([moving.status, moving.headers.get('retry-after')], [503, '1'])
    assert.match(moving.body.error.message, /task 0_0 of pipeline "(shop|mill)"/)
  })

  it('takes decisions only from this machine and its own page', async () => {
    const { parked, told } = directory()
    const refused: readonly (readonly [Record<string, string>, number, string])[] = [
      [{ 'content-type': 'text/plain' }, 415, 'MR_HTTP_REQUEST_INVALID'],
      [{ 'content-type': 'application/x-www-form-urlencoded' }, 415, 'MR_HTTP_REQUEST_INVALID'],
      [{ ...asJson, origin: 'https://evil.example' }, 403, 'MR_HTTP_REFUSED'],
      [{ ...asJson, origin: 'null' }, 403, 'MR_HTTP_REFUSED'],
      [{ ...asJson, 'sec-fetch-site': 'cross-site' }, 403, 'MR_HTTP_REFUSED'],
      [{ ...asJson, 'sec-fetch-site': 'same-site' }, 403, 'MR_HTTP_REFUSED'],
    ]
    for (const [headers, status, code] of refused) {
      const answer = await decide(parked, skip, headers)
      assert.deepEqual([answer.status, answer.body.error.code], [status, code], JSON.stringify(headers))
      assert.equal(answer.headers.get('access-control-allow-origin'), null)
    }
    const preflight = await ask(parked, '/decide', { method: 'OPTIONS' })
    assert.deepEqual([preflight.status, preflight.headers.get('allow')], [405, 'POST'])
    for (const method of ['GET', 'PUT', 'DELETE'])
      assert.equal((await ask(parked, '/decide', { method })).status, 405, method)
    assert.equal((await ask(parked, '', { method: 'POST', headers: asJson, body: '{}' })).status, 405)
    const large = await decide(parked, { ...skip, key: 'x'.repeat(2_000_000) })
    assert.deepEqual([large.status, large.body.error.code], [413, 'MR_HTTP_REQUEST_INVALID'])
    assert.deepEqual(told, [])
  })
})
