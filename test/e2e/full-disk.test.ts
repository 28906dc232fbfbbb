/** A full disk, simulated: what does not fit is refused by name, and what was acknowledged is there afterwards. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Broker } from '../../src/broker/broker.ts'
import { exitCodeOf } from '../../src/cli/exit-code.ts'
import { showError } from '../../src/cli/show-error.ts'
import { createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { readTopic, textOf } from '../../src/client/consumer/read-topic-fixture.ts'
import { createProducer } from '../../src/client/producer/producer.ts'
import type { Platform } from '../../src/platform/platform.ts'
import type { SimulatedHost } from '../../src/platform/simulated/host.ts'
import { type Simulation, simulatedPlatform } from '../../src/platform/simulated/platform.ts'
import { simulatedTerminal } from '../../src/platform/simulated/terminal.ts'

interface Life {
  readonly broker: Broker
  readonly cluster: Cluster
}

async function openLife(platform: Platform): Promise<Life> {
  const broker = await Broker.open({ platform, dataDirectory: '/data', config: { flush: 'group' } })
  const cluster = new Cluster({ platform, connect: () => broker.connect() })
  await createAdmin(cluster).createTopics([{ topic: 'events', partitions: 1 }], { ignoreExisting: true })
  return { broker, cluster }
}

const VALUE = 'x'.repeat(500)

interface Sent {
  readonly acknowledged: readonly string[]
  readonly refused: unknown
}

/** Sends records one by one until one is refused, or `count` are acknowledged. */
async function send({ cluster }: Life, prefix: string, count: number): Promise<Sent> {
  const producer = createProducer(cluster, { deliveryTimeoutMs: 2_000 })
  const acknowledged: string[] = []
  try {
    for (let at = 0; at < count; at++) {
      const key = `${prefix}-${at}`
      await producer.send({ topic: 'events', key, value: VALUE })
      acknowledged.push(key)
    }
    return { acknowledged, refused: undefined }
  } catch (refused) {
    return { acknowledged, refused }
  } finally {
    await producer.close().catch(() => {})
  }
}

async function readKeys({ cluster }: Life): Promise<string[]> {
  return (await readTopic(cluster, 'events')).map(({ key }) => textOf(key))
}

const during = <T>(simulation: Simulation, what: string, promise: Promise<T>): Promise<T> =>
  simulation.runUntil(promise, { what })

function shown(error: unknown): string {
  const terminal = simulatedTerminal({})
  showError(error, terminal, { json: false, verbose: false })
  return terminal.err.text
}

async function fill(
  simulation: Simulation,
  host: SimulatedHost,
): Promise<{ life: Life; before: Sent; full: Sent }> {
  const life = await during(simulation, 'a start', openLife(host.platform))
  const before = await during(simulation, 'the first records', send(life, 'before', 20))
  assert.equal(before.acknowledged.length, 20)
  host.disk.setCapacity(host.disk.usedBytes() + 5 * VALUE.length)
  const full = await during(simulation, 'the full disk', send(life, 'full', 1_000))
  return { life, before, full }
}

describe('a full disk', () => {
  it('refuses by name what does not fit, and takes records again when there is room', async () => {
    const simulation = simulatedPlatform({ seed: 7 })
    const host = simulation.host('server')
    const { life, before, full } = await fill(simulation, host)
    assert.ok(full.acknowledged.length > 0 && full.acknowledged.length < 10, 'some had room')
    const text = shown(full.refused)
    assert.match(text, /^error .*no room on the disk.*\(KAFKA_STORAGE_ERROR\)/)
    assert.match(text, /\n {2}at .*events\/0/)
    assert.match(text, /\n {2}The disk of the broker is full .*Nothing that was acknowledged is lost\.\n/)
    // The producer sent it again until its time was over: there might have been room by then.
    assert.match(text, /\n {2}MR_TIMEOUT\n$/)
    assert.equal(exitCodeOf(full.refused), 124)

    const kept = [...before.acknowledged, ...full.acknowledged]
    assert.deepEqual(await during(simulation, 'reading', readKeys(life)), kept, 'reading goes on meanwhile')
    host.disk.setCapacity(1e9)
    const later = await during(simulation, 'records after it', send(life, 'after', 10))
    assert.equal(later.acknowledged.length, 10)
    const all = await during(simulation, 'reading', readKeys(life))
    assert.deepEqual(all, [...kept, ...later.acknowledged], 'all of it once and in order')
  })

  for (const kind of ['process', 'power'] as const) {
    it(`keeps what was acknowledged over the end of the ${kind}`, async () => {
      const simulation = simulatedPlatform({ seed: `full ${kind}` })
      const host = simulation.host('server')
      const { before, full } = await fill(simulation, host)
      host.crash(kind)
      host.disk.setCapacity(1e9)
      const life = await during(simulation, 'a start', openLife(host.start()))
      const kept = [...before.acknowledged, ...full.acknowledged]
      const found = await during(simulation, 'reading', readKeys(life))
      assert.deepEqual(found.slice(0, kept.length), kept)
      const later = await during(simulation, 'records after it', send(life, 'after', 10))
      assert.equal(later.acknowledged.length, 10)
      const all = await during(simulation, 'reading', readKeys(life))
      assert.deepEqual(all, [...found, ...later.acknowledged])
    })
  }
})
