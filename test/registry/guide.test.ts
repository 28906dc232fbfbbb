/** The examples of docs/guide/schemas.md, run as they stand there. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { root } from '../../scripts/repository.ts'
import { Broker } from '../../src/broker/broker.ts'
import { connect } from '../../src/client/index.ts'
import { nodeModules } from '../../src/platform/node/modules.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { FakeRegistry } from '../../src/registry/registry-fixture.ts'

const guide = fs.readFileSync(path.join(root, 'docs/guide/schemas.md'), 'utf8')

/** The code behind an info string, such as `ts serde`. */
function block(info: string): string {
  const found = guide.split('```').find((part) => part.startsWith(`${info}\n`))
  assert.ok(found !== undefined, `the guide has no block "${info}"`)
  return found.slice(info.length + 1)
}

describe('the guide to schemas', () => {
  const platform = nodePlatform()
  const fake = new FakeRegistry()
  let directory = ''
  let broker: Broker | undefined
  let brokers = ''
  let url = ''

  before(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-schemas-'))
    url = `http://127.0.0.1:${await fake.listen(platform.net)}`
    broker = await Broker.open({ platform, dataDirectory: path.join(directory, 'data') })
    const { host, port } = await broker.listen({ host: '127.0.0.1', port: 0 })
    brokers = `${host}:${port}`
    const kafka = connect({ brokers: [brokers] })
    await kafka.admin().createTopics([{ topic: 'orders', partitions: 1 }])
    await kafka.close()
  })
  after(async () => {
    await broker?.close()
    await fake.close()
    fs.rmSync(directory, { recursive: true, force: true })
  })

  it('has examples that run', async () => {
    const program = `
${block('ts serde').replace('http://localhost:8081', url)}
${block('ts pipeline')}
import { testDriver } from 'millrace/testing'
const driver = testDriver(shop)
driver.topic('orders').append({ id: 'A', cents: 5 }, { key: 'A' })
driver.topic('orders').append({ id: 'B', cents: 5000 }, { key: 'B' })
driver.topic('orders').appendBytes(Buffer.from('C'), Buffer.from('{"id":"C"}'))
export const large = driver.topic('large-orders').read().map(({ value }) => ({ ...value }))
export const dead = driver.topic('shop-dead-letters').read().map(({ headers }) =>
  headers.filter(({ key }) => key.startsWith('__streams.errors.')).map(({ value }) => value.toString()))
const logged: unknown[] = []
const console = { log: (...values: unknown[]) => logged.push(...values) }
${block('ts kafka').replace('localhost:9092', brokers)}
await kafka.producer().send({ topic: 'orders', key: 'D', value: Buffer.from([0, 0, 0, 3, 232, 0]) })
await producer.send({ key: 'E', value: { id: 'E', cents: 1 } })
const again = kafka.consumer()
again.assign([{ topic: 'orders', partition: 0, offset: 'earliest' }])
${block('ts aside').replace('consumer.records()', 'again.records()')}
const kept: unknown[] = []
for await (const { value } of good) {
  kept.push(value?.id)
  if (kept.length === 2) break
}
export { aside, kept, logged }
${block('ts registry')}
secure.close()
registry.close()
await kafka.close()
`
    const file = path.join(directory, 'guide.ts')
    fs.writeFileSync(file, program)
    const results = await nodeModules.load(file)
    assert.deepEqual(results['large'], [{ id: 'B', cents: 5000 }])
    const [[code, message] = []] = results['dead'] as string[][]
    assert.equal(code, 'MR_RECORD_INVALID')
    assert.match(message!, /it does not begin with a schema id/)
    assert.deepEqual(structuredClone(results['logged']), ['A-17', { id: 'A-17', cents: 1250 }])
    assert.deepEqual(results['kept'], ['A-17', 'E'])
    assert.deepEqual(results['aside'], ['MR_SCHEMA_UNKNOWN at orders/0@1'])
  })
})
