/** S10: who did what is in the log, a line for each act, with no secret in it; and so is who was not allowed to. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Broker } from '../../src/broker/broker.ts'
import type { BrokerConfig } from '../../src/broker/config/broker-config.ts'
import { connectAs, plain, plainUsers, SASL_PORT } from '../../src/broker/security/security-fixture.ts'
import type { TcpConnection } from '../../src/client/connection/tcp-connection.ts'
import type { LogFields, Logger } from '../../src/core/logger.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { type Simulation, simulatedPlatform } from '../../src/platform/simulated/platform.ts'
import { alterClientQuotas } from '../../src/protocol/apis/alter-client-quotas.ts'
import { alterConfigs } from '../../src/protocol/apis/alter-configs.ts'
import { alterUserScramCredentials } from '../../src/protocol/apis/alter-user-scram-credentials.ts'
import { createAcls } from '../../src/protocol/apis/create-acls.ts'
import { createPartitions } from '../../src/protocol/apis/create-partitions.ts'
import { createTopics } from '../../src/protocol/apis/create-topics.ts'
import { deleteAcls } from '../../src/protocol/apis/delete-acls.ts'
import { deleteGroups } from '../../src/protocol/apis/delete-groups.ts'
import { deleteRecords } from '../../src/protocol/apis/delete-records.ts'
import { deleteTopics } from '../../src/protocol/apis/delete-topics.ts'
import { fetch } from '../../src/protocol/apis/fetch.ts'
import { incrementalAlterConfigs } from '../../src/protocol/apis/incremental-alter-configs.ts'
import { metadata } from '../../src/protocol/apis/metadata.ts'
import { offsetCommit } from '../../src/protocol/apis/offset-commit.ts'
import { offsetDelete } from '../../src/protocol/apis/offset-delete.ts'
import type { AnyApi, RequestInput } from '../../src/protocol/schema/message.ts'

const SECRET = 'a-canary-that-nobody-may-see'.padEnd(32, '!')

interface Line {
  readonly fields: LogFields
  readonly text: string
}

class AuditedBroker {
  readonly simulation: Simulation
  readonly broker: Broker
  readonly lines: Line[]

  static async open(config: BrokerConfig = {}): Promise<AuditedBroker> {
    const simulation = simulatedPlatform({ seed: 'audit' })
    const lines: Line[] = []
    const info = (fields: LogFields, message: string): void =>
      void lines.push({ fields, text: `${JSON.stringify(fields)} ${message}` })
    const logger: Logger = { ...silentLogger, info, warn: info, error: info }
    const { platform } = simulation.host('local')
    const users = {
      'sasl.enabled.mechanisms': 'PLAIN',
      'plain.sasl.jaas.config': plainUsers('admin', 'bob'),
      'super.users': 'User:admin',
    }
    const options = { platform, logger, dataDirectory: '/data', config: { ...users, ...config } }
    const broker = await simulation.runUntil(Broker.open(options))
    const listener = { host: '127.0.0.1', port: SASL_PORT, protocol: 'SASL_PLAINTEXT' } as const
    await simulation.runUntil(
      broker.listen({ ...listener, advertisedHost: 'local', advertisedPort: SASL_PORT }),
    )
    return new AuditedBroker(simulation, broker, lines)
  }

  private constructor(simulation: Simulation, broker: Broker, lines: Line[]) {
    this.simulation = simulation
    this.broker = broker
    this.lines = lines
  }

  /** The audit lines that a request leaves. */
  async linesOf<A extends AnyApi>(
    connection: TcpConnection,
    api: A,
    request: RequestInput<A>,
    version?: number,
  ): Promise<readonly LogFields[]> {
    const before = this.lines.length
    const options = version === undefined ? {} : { version }
    await this.simulation.runUntil(connection.send(api, request, options))
    return this.lines.slice(before).flatMap(({ fields }) => (fields['audit'] === undefined ? [] : [fields]))
  }

  close(): Promise<void> {
    return this.simulation.runUntil(this.broker.close())
  }
}

const who = (user: string) => ({ user: `User:${user}`, listener: 'SASL_PLAINTEXT', client: 'test' })
const rule = {
  resourceType: 2,
  resourceName: 'orders',
  resourcePatternType: 3,
  principal: 'User:bob',
  host: '*',
  operation: 3,
  permissionType: 3,
}
const filter = {
  resourceTypeFilter: 2,
  resourceNameFilter: 'orders',
  patternTypeFilter: 3,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}
const wanted = { name: 'orders', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
const position = { partitionIndex: 0, committedOffset: 0n, committedMetadata: SECRET }
const commit = { groupId: 'g', memberId: '', topics: [{ name: 'orders', partitions: [position] }] }
const bytes = Buffer.from(SECRET)
const credential = {
  name: 'carol',
  mechanism: 1,
  iterations: 4096,
  salt: bytes,
  saltedPassword: bytes,
}
const quota = {
  entity: [{ entityType: 'user', entityName: 'bob' }],
  ops: [{ key: 'producer_byte_rate', value: 1024, remove: false }],
}
const setting = { name: 'retention.ms', value: '1000' }
const brokerSetting = { name: 'log.retention.ms', value: '7200000', configOperation: 0 }

/** Each act, the request that does it, and what its line says besides who it was. */
const acts: readonly (readonly [act: string, AnyApi, request: object, line: object, version?: number])[] = [
  ['topics.create', createTopics, { topics: [wanted] }, { resource: 'topic:orders', partitions: 2 }],
  [
    'configs.alter',
    alterConfigs,
    { resources: [{ resourceType: 2, resourceName: 'orders', configs: [setting] }], validateOnly: false },
    { resource: 'topic:orders', settings: { 'retention.ms': '1000' } },
  ],
  [
    'configs.alter',
    incrementalAlterConfigs,
    { resources: [{ resourceType: 4, resourceName: '', configs: [brokerSetting] }], validateOnly: false },
    { resource: 'broker:', settings: { 'log.retention.ms': '…' } },
  ],
  [
    'partitions.create',
    createPartitions,
    { topics: [{ name: 'orders', count: 3, assignments: null }], timeoutMs: 1000, validateOnly: false },
    { resource: 'topic:orders', partitions: 3 },
  ],
  [
    'records.delete',
    deleteRecords,
    { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, offset: 0n }] }], timeoutMs: 1000 },
    { resource: 'topic:orders', before: { 0: 0 } },
  ],
  ['offsets.reset', offsetCommit, commit, { resource: 'group:g', topics: ['orders'] }, 9],
  [
    'offsets.delete',
    offsetDelete,
    { groupId: 'g', topics: [{ name: 'orders', partitions: [{ partitionIndex: 1 }] }] },
    { resource: 'group:g', topics: ['orders'] },
  ],
  ['groups.delete', deleteGroups, { groupsNames: ['g'] }, { resource: 'group:g' }],
  [
    'acls.create',
    createAcls,
    { creations: [rule] },
    { resource: 'topic:orders', principal: 'User:bob', from: '*', operation: 'read', permission: 'allow' },
  ],
  [
    'acls.delete',
    deleteAcls,
    { filters: [filter] },
    { resource: 'topic:orders', principal: 'User:bob', from: '*', operation: 'read', permission: 'allow' },
  ],
  [
    'quotas.alter',
    alterClientQuotas,
    { entries: [quota], validateOnly: false },
    { resource: 'user:bob', quotas: { producer_byte_rate: 1024 } },
  ],
  [
    'credentials.alter',
    alterUserScramCredentials,
    { deletions: [], upsertions: [credential] },
    { resource: 'user:carol', change: 'set', mechanism: 'SCRAM-SHA-256' },
  ],
  [
    'topics.delete',
    deleteTopics,
    { topics: [{ name: 'orders' }], timeoutMs: 1000 },
    { resource: 'topic:orders' },
  ],
]

describe('S10', () => {
  it('each administrative act leaves one line that says who, what and how it ended', async () => {
    const audited = await AuditedBroker.open()
    const admin = await connectAs(audited, plain('admin'))
    for (const [audit, api, request, line, version] of acts) {
      const [told, ...more] = await audited.linesOf(admin, api, request as never, version)
      assert.deepEqual(more, [], `${api.name} leaves one line`)
      const { host, ...rest } = told!
      assert.equal(typeof host, 'string')
      assert.deepEqual(rest, { audit, ...who('admin'), outcome: 'done', ...line })
    }
    assert.equal(new Set(acts.map(([audit]) => audit)).size, 12)
    await audited.close()
  })

  it('the same acts of somebody without a right are told as refused, and never with a secret', async () => {
    const audited = await AuditedBroker.open()
    const bob = await connectAs(audited, plain('bob'))
    for (const [audit, api, request, , version] of acts) {
      const [told, ...more] = await audited.linesOf(bob, api, request as never, version)
      // Who may not see rules learns nothing, and their filter is told instead.
      assert.deepEqual(more, [], api.name)
      assert.equal(told?.['audit'], audit)
      assert.equal(told?.['outcome'], 'refused', api.name)
      assert.match(String(told?.['error']), /_AUTHORIZATION_FAILED$/)
    }
    await assert.rejects(connectAs(audited, plain('bob', SECRET)))
    const refused = audited.lines.filter(({ fields }) => fields['audit'] === 'login')
    assert.equal(refused.length, 1)
    for (const { text } of audited.lines) {
      assert.ok(!text.includes(SECRET) && !text.includes(bytes.toString('base64')), text)
      assert.ok(!/(?:admin|bob)-secret/.test(text), text)
    }
    await audited.close()
  })

  it('an act that fails is told with the error, one that only asks is not', async () => {
    const audited = await AuditedBroker.open()
    const admin = await connectAs(audited, plain('admin'))
    await audited.linesOf(admin, createTopics, { topics: [wanted] })
    const [again] = await audited.linesOf(admin, createTopics, { topics: [wanted] })
    assert.deepEqual([again?.['outcome'], again?.['error']], ['failed', 'TOPIC_ALREADY_EXISTS'])
    const other = { ...wanted, name: 'other' }
    assert.deepEqual(await audited.linesOf(admin, createTopics, { topics: [other], validateOnly: true }), [])
    const byUse = { topics: [{ name: 'used', topicId: Buffer.alloc(16) }], allowAutoTopicCreation: true }
    const [made] = await audited.linesOf(admin, metadata, byUse, 12)
    assert.deepEqual(
      [made?.['audit'], made?.['resource'], made?.['byUse']],
      ['topics.create', 'topic:used', true],
    )
    await audited.close()
  })

  it('a denied request is told once a minute, and a list that leaves things out denies nothing', async () => {
    const audited = await AuditedBroker.open()
    const admin = await connectAs(audited, plain('admin'))
    await audited.linesOf(admin, createTopics, { topics: [wanted] })
    const bob = await connectAs(audited, plain('bob'))
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }]
    const read = { maxWaitMs: 0, minBytes: 0, topics: [{ topic: 'orders', partitions }] }
    const [denied, ...more] = await audited.linesOf(bob, fetch, read, 12)
    assert.deepEqual(more, [])
    const { host, ...rest } = denied!
    assert.equal(typeof host, 'string')
    assert.deepEqual(rest, {
      audit: 'denied',
      ...who('bob'),
      resource: 'topic:orders',
      operation: 'read',
      api: 'Fetch',
    })
    for (let at = 0; at < 5; at++) assert.deepEqual(await audited.linesOf(bob, fetch, read, 12), [])
    await audited.simulation.advance(60_000)
    const [later] = await audited.linesOf(bob, fetch, read, 12)
    assert.equal(later?.['again'], 5)
    assert.deepEqual(await audited.linesOf(bob, metadata, { topics: null }, 12), [], 'nothing was asked for')
    await audited.close()
  })

  it('who is refused without end does not fill the log', async () => {
    const audited = await AuditedBroker.open()
    const bob = await connectAs(audited, plain('bob'))
    const before = audited.lines.length
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }]
    for (let at = 0; at < 400; at++) {
      const topics = [{ topic: `t${at}`, partitions }]
      await audited.linesOf(bob, fetch, { maxWaitMs: 0, minBytes: 0, topics }, 12)
    }
    const inOneSecond = audited.lines.length - before
    assert.ok(inOneSecond <= 200, `${inOneSecond} lines`)
    await audited.simulation.advance(1000)
    const [next] = await audited.linesOf(
      bob,
      fetch,
      {
        maxWaitMs: 0,
        minBytes: 0,
        topics: [{ topic: 'last', partitions }],
      },
      12,
    )
    assert.ok(Number(next?.['leftOut']) >= 200, 'how many were left out is told')
    await audited.close()
  })
})
