import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MillraceError } from '../../core/errors.ts'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { Cluster } from '../cluster.ts'
import { metadataAnswer, ScriptedConnection } from '../scripted-connection-fixture.ts'
import { lookUpOffsets } from './list-offsets.ts'

test('a broker that knows no newest timestamp is not asked for it: it would give the first record', async () => {
  for (const [versionMax, asked] of [
    [6, 0],
    [7, 1],
  ] as const) {
    const simulation = simulatedPlatform({ seed: 'list offsets' })
    const connection = new ScriptedConnection(
      {
        Metadata: () => metadataAnswer({ t: 1 }),
        ListOffsets: () => ({
          topics: [
            { name: 't', partitions: [{ partitionIndex: 0, errorCode: 0, timestamp: 5n, offset: 3n }] },
          ],
        }),
      },
      {},
      { ListOffsets: versionMax },
    )
    const cluster = new Cluster({ platform: simulation, connect: () => connection })
    const request = { lane: cluster.control, timeoutMs: 1000 }
    const wanted = [{ topic: 't', partition: 0, at: 'max-timestamp' }] as const
    const outcome = await simulation.runUntil(
      lookUpOffsets(cluster, request, wanted, 'read_committed').then(
        (found) => found.get('t/0')?.offset,
        (error: MillraceError) => error.context['kafkaName'],
      ),
    )
    assert.equal(outcome, asked === 1 ? 3 : 'UNSUPPORTED_VERSION')
    assert.equal(connection.of('ListOffsets').length, asked)
    await simulation.runUntil(cluster.close())
  }
})
