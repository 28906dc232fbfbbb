import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MillraceError } from '../../core/errors.ts'
import { TestAuthority } from '../../platform/node/certificates-fixture.ts'
import { nodePlatform } from '../../platform/node/platform.ts'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { FakeRegistry } from '../registry-fixture.ts'
import type { SchemaText } from '../schema.ts'
import type { RegistryOptions } from './options.ts'
import { SchemaRegistry } from './schema-registry.ts'

const order: SchemaText = { schemaType: 'AVRO', schema: '"string"', references: [] }

/** Registries on hosts of their own, on virtual time, and a client. */
async function world(options: Partial<RegistryOptions> = {}, hosts = ['a']) {
  const simulation = simulatedPlatform({ seed: 'registry' })
  const registries = new Map<string, FakeRegistry>()
  for (const host of hosts) {
    const registry = new FakeRegistry()
    await simulation.runUntil(registry.listen(simulation.host(host).platform.net, { port: 8081 }))
    registries.set(host, registry)
  }
  const client = new SchemaRegistry({
    platform: simulation,
    url: hosts.map((host) => `http://${host}:8081`),
    ...options,
  })
  const run = <T>(promise: Promise<T>): Promise<T> => simulation.runUntil(promise)
  const fails = async (promise: Promise<unknown>): Promise<MillraceError> =>
    run(
      promise.then(
        () => assert.fail('it was answered'),
        (error: MillraceError) => error,
      ),
    )
  return { simulation, client, fails, run, registries, registry: registries.get(hosts[0]!)! }
}

describe('a client of a registry', () => {
  it('registers, looks up, and asks for the same schema once', async () => {
    const { client, registry, run } = await world()
    const { id } = await run(client.register('orders-value', order))
    assert.equal(id, 1)
    const together = [1, 2, 3].map(() => client.schemaById(1))
    assert.equal((await run(Promise.all(together)))[2]?.schema, '"string"')
    await run(client.register('orders-value', order))
    assert.equal(registry.requests.length, 1)
    assert.deepEqual(await run(client.subjects()), ['orders-value'])
    assert.deepEqual(await run(client.versions('orders-value')), [1])
    const found = await run(client.lookup('orders-value', order))
    assert.equal(found.guid, registry.guidOf(1))
    assert.equal((await run(client.schemaByGuid(registry.guidOf(1)))).schema, '"string"')
    assert.equal((await run(client.version('orders-value', 'latest'))).version, 1)
  })

  it('keeps no more schemas than it may', async () => {
    const { client, registry, run } = await world({ cachedSchemasMax: 2 })
    for (const name of ['a', 'b', 'c']) registry.put(name, { schema: `"${name}"` })
    for (const id of [1, 2, 3, 1, 3]) await run(client.schemaById(id))
    assert.equal(registry.requests.length, 4)
    assert.ok(client.cachedSchemas <= 2)
  })

  it('asks for several at the same time once, also when it fails', async () => {
    const { client, fails, registry } = await world()
    const both = Promise.allSettled([client.schemaById(9), client.schemaById(9)]).then((all) => {
      assert.deepEqual(
        all.map(({ status }) => status),
        ['rejected', 'rejected'],
      )
      throw (all[0] as PromiseRejectedResult).reason
    })
    const error = await fails(both)
    assert.equal(error.code, 'MR_SCHEMA_UNKNOWN')
    assert.equal(registry.requests.length, 1)
    assert.match(error.message, /^schema 9 is not in the registry/)
    assert.equal(error.where, 'http://a:8081')
    assert.equal(error.context['errorCode'], 40403)
  })

  it('asks again for what was not there, but not at once', async () => {
    const { client, fails, registry, run, simulation } = await world()
    await fails(client.schemaById(1))
    await fails(client.schemaById(1))
    assert.equal(registry.requests.length, 1)
    registry.put('a', { schema: '"int"' })
    await simulation.advance(6000)
    assert.equal((await run(client.schemaById(1))).schema, '"int"')
  })

  it('tries again when the registry is down for a moment, with pauses that grow', async () => {
    const { client, registry, run, simulation } = await world()
    const times: number[] = []
    registry.put('a', { schema: '"int"' })
    registry.script = () => {
      times.push(simulation.clock.monotonicMs())
      if (times.length === 1) return { status: 503, json: { error_code: 50301, message: 'starting' } }
      return times.length === 2 ? 'cut' : undefined
    }
    assert.equal((await run(client.schemaById(1))).schema, '"int"')
    const [first = 0, second = 0, third = 0] = times
    assert.ok(second - first >= 80 && third - second >= 160, times.join(' '))
  })

  it('goes on with the next address, and stays there', async () => {
    const { client, registries, run, simulation } = await world({}, ['a', 'b'])
    registries.get('b')!.put('x', { schema: '"int"' })
    simulation.host('a').crash('power')
    assert.deepEqual(await run(client.subjects()), ['x'])
    const before = simulation.clock.monotonicMs()
    await run(client.versions('x'))
    assert.ok(simulation.clock.monotonicMs() - before < 50)
    assert.equal(registries.get('b')!.requests.length, 2)
  })

  it('says what it waited for, and where, when nothing answers', async () => {
    const { client, fails, registry, simulation } = await world({ timeoutMs: 5000, requestTimeoutMs: 2000 })
    registry.script = () => 'silence'
    const before = simulation.clock.monotonicMs()
    const error = await fails(client.schemaById(17))
    assert.equal(error.code, 'MR_TIMEOUT')
    assert.match(
      error.message,
      /^schema 17 did not come from the registry within 5000 ms: schema 17: no answer/,
    )
    assert.equal(error.where, 'http://a:8081')
    assert.ok(error.retriable)
    const tookMs = simulation.clock.monotonicMs() - before
    assert.ok(tookMs >= 5000 && tookMs < 5100, `${tookMs} ms`)
  })

  it('gives up after its attempts', async () => {
    const { client, fails, registry } = await world({ retriesMax: 2 })
    registry.script = () => ({ status: 500, json: { error_code: 50001, message: 'broken store' } })
    const error = await fails(client.subjects())
    assert.equal(error.code, 'MR_REGISTRY_REFUSED')
    assert.match(error.message, /the registry answered 500: broken store/)
    assert.equal(registry.requests.length, 3)
    const down = await world({ url: 'http://nobody:1', retriesMax: 0 })
    assert.equal((await down.fails(down.client.subjects())).code, 'MR_REGISTRY_UNREACHABLE')
  })

  const refusals: readonly (readonly [number, number, string])[] = [
    [401, 40101, 'MR_REGISTRY_REFUSED'],
    [404, 40401, 'MR_SCHEMA_UNKNOWN'],
    [409, 409, 'MR_SCHEMA_INCOMPATIBLE'],
    [422, 42201, 'MR_SCHEMA_INVALID'],
    [302, 0, 'MR_REGISTRY_REFUSED'],
  ]
  for (const [status, code, expected] of refusals) {
    it(`raises ${expected} for ${status}, at once`, async () => {
      const { client, fails, registry } = await world()
      registry.script = () => ({ status, json: { error_code: code, message: 'because' } })
      const error = await fails(client.register('s', order))
      assert.equal(error.code, expected)
      assert.match(error.message, /because/)
      assert.equal(error.retriable, false)
      assert.equal(registry.requests.length, 1)
    })
  }

  it('takes nothing for an answer that is none', async () => {
    const { client, fails, registry } = await world()
    for (const json of [null, 'text', [], { id: '1' }, { schema: 1 }]) {
      registry.script = () => ({ status: 200, json })
      for (const ask of [() => client.register('s', order), () => client.version('s', 'latest')])
        assert.equal((await fails(ask())).code, 'MR_REGISTRY_REFUSED')
    }
    registry.script = () => ({ status: 200, json: { schema: '<x/>', schemaType: 'XML' } })
    assert.equal((await fails(client.schemaById(1))).code, 'MR_SCHEMA_INVALID')
  })

  it('sends names as they are, and who is asking', async () => {
    const { client, registry, run } = await world({
      url: 'http://someone:p%40ss@a:8081/api/',
      headers: { 'x-team': 'orders' },
    })
    registry.script = () => ({ status: 200, json: [1] })
    await run(client.versions('a/b ü?#'))
    const { headers, path } = registry.requests[0]!
    assert.equal(path, '/api/subjects/a%2Fb%20%C3%BC%3F%23/versions')
    assert.equal(headers.get('authorization'), `Basic ${Buffer.from('someone:p@ss').toString('base64')}`)
    assert.equal(headers.get('x-team'), 'orders')
    assert.ok(!client.where.includes('ss'))
    const token = await world({ auth: { token: 'abc' } })
    await token.run(token.client.subjects())
    assert.equal(token.registry.requests[0]!.headers.get('authorization'), 'Bearer abc')
  })

  it('brings all that a schema refers to, each after what it needs', async () => {
    const { client, fails, registry, run } = await world()
    const refer = (name: string) => ({ name, subject: name, version: 1 })
    registry.put('c', { schema: '"c"' })
    registry.put('b', { schema: '"b"', references: [refer('c')] })
    registry.put('round', { schema: '"r"', references: [refer('round')] })
    const whole = await run(client.resolve({ ...order, references: [refer('b'), refer('c')] }))
    assert.deepEqual(whole.dependencies, [
      { name: 'c', schema: '"c"' },
      { name: 'b', schema: '"b"' },
    ])
    const error = await fails(client.resolve({ ...order, references: [refer('round')] }))
    assert.equal(error.code, 'MR_SCHEMA_INVALID')
  })

  it('ends what is under way when it is closed', async () => {
    const { client, fails, registry, simulation } = await world()
    registry.script = () => 'silence'
    const asked = client.subjects()
    simulation.clock.after(20, () => client.close())
    assert.equal((await fails(asked)).code, 'MR_CLOSED')
    assert.equal((await fails(client.subjects())).code, 'MR_CLOSED')
  })

  it('refuses options that make no sense', () => {
    const platform = simulatedPlatform({ seed: 1 })
    for (const options of [
      { url: [] },
      { url: 'localhost:8081' },
      { url: 'ftp://a' },
      { url: 'http://a', timeoutMs: 0 },
      { url: 'http://a', retriesMax: -1 },
      { url: 'http://a', cachedSchemasMax: 0.5 },
    ])
      assert.throws(() => new SchemaRegistry({ platform, ...options }), { code: 'MR_OPTION_INVALID' })
  })
})

describe('a registry under TLS', () => {
  it('is believed when its certificate is, and only then', async () => {
    const platform = nodePlatform()
    const authority = new TestAuthority(platform.clock.nowMs())
    const registry = new FakeRegistry()
    const identity = authority.issue({ subject: [['CN', 'registry']], addresses: ['127.0.0.1'] })
    const port = await registry.listen(platform.net, {
      tls: { ...identity, clientAuth: 'none', handshakeTimeoutMs: 30_000, handshakesMax: 10 },
    })
    const url = `https://127.0.0.1:${port}`
    const believing = new SchemaRegistry({ platform, url, tls: { ca: authority.cert } })
    assert.deepEqual(await believing.subjects(), [])
    const strict = new SchemaRegistry({ platform, url })
    await assert.rejects(strict.subjects(), { code: 'MR_TLS_FAILED' })
    await registry.close()
  })
})
