import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { Cluster } from '../cluster.ts'
import { ScriptedConnection } from '../scripted-connection-fixture.ts'
import { createAdmin } from './admin.ts'

const UNSUPPORTED_VERSION = 35
const GROUP_ID_NOT_FOUND = 69

for (const errorCode of [UNSUPPORTED_VERSION, GROUP_ID_NOT_FOUND]) {
  test(`a classic group is described where ConsumerGroupDescribe is refused with ${errorCode}`, async () => {
    const connection = new ScriptedConnection({
      FindCoordinator: ({ coordinatorKeys: [key] }) => ({
        coordinators: [{ key, nodeId: 0, host: 'b0', port: 9092, errorCode: 0, errorMessage: null }],
      }),
      ConsumerGroupDescribe: () => ({
        groups: [{ errorCode, groupId: 'g', groupState: '', assignorName: '', members: [] }],
      }),
      DescribeGroups: () => ({
        groups: [
          {
            errorCode: 0,
            groupId: 'g',
            groupState: 'Empty',
            protocolType: '',
            protocolData: '',
            members: [],
          },
        ],
      }),
    })
    const simulation = simulatedPlatform({ seed: 'groups' })
    const cluster = new Cluster({ platform: simulation, connect: () => connection })
    const described = await simulation.runUntil(createAdmin(cluster).describeGroups(['g']))
    assert.deepEqual(described, [{ group: 'g', state: 'Empty', type: 'classic', assignor: '', members: [] }])
    await cluster.close()
  })
}
