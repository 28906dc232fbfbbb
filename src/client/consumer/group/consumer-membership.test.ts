import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MillraceError } from '../../../core/errors.ts'
import { simulatedPlatform } from '../../../platform/simulated/platform.ts'
import { Cluster } from '../../cluster.ts'
import { metadataAnswer, ScriptedConnection } from '../../scripted-connection-fixture.ts'
import { createConsumer } from '../consumer.ts'

const UNSUPPORTED_VERSION = 35
const NOT_ANNOUNCED = -1

test('a broker without the consumer protocol is named as that, and so is the way out', async () => {
  // Older brokers do not announce the request; Kafka 3.7 to 3.9 do, and refuse it as long as it is switched off.
  for (const [versionMax, errorCode] of [
    [NOT_ANNOUNCED, 0],
    [0, UNSUPPORTED_VERSION],
  ] as const) {
    const simulation = simulatedPlatform({ seed: 'consumer protocol' })
    const connection = new ScriptedConnection(
      {
        Metadata: () => metadataAnswer({ t: 1 }),
        FindCoordinator: ({ coordinatorKeys: [key] }) => ({
          coordinators: [{ key, nodeId: 0, host: 'b0', port: 9092, errorCode: 0, errorMessage: null }],
        }),
        ConsumerGroupHeartbeat: () => ({ errorCode, memberEpoch: 0, heartbeatIntervalMs: 1000 }),
      },
      {},
      { ConsumerGroupHeartbeat: versionMax },
    )
    const cluster = new Cluster({ platform: simulation, connect: () => connection })
    const consumer = createConsumer(cluster, { group: 'g', protocol: 'consumer' })
    await simulation.runUntil(consumer.subscribe(['t']))
    for (let time = 0; time < 2; time++) {
      const error = (await simulation.runUntil(
        consumer.poll({ maxWaitMs: 10_000 }).catch((thrown: unknown) => thrown),
      )) as MillraceError
      assert.equal(error.code, 'MR_PROTOCOL_VERSION_UNSUPPORTED')
      assert.equal(error.message, 'the broker does not offer the consumer protocol (KIP-848) to group "g"')
      assert.match(error.hint ?? '', /'classic'/)
      assert.equal(error.context['group'], 'g')
      assert.equal(error.retriable, false)
    }
    assert.equal(connection.of('ConsumerGroupHeartbeat').length, versionMax + 1)
    await simulation.runUntil(consumer.close())
    await simulation.runUntil(cluster.close())
  }
})
