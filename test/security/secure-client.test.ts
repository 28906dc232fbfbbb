/** Our client at a broker under TLS: logins, certificates, records, and what is said when something does not fit. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createAdmin } from '../../src/client/admin/admin.ts'
import type { ClusterOptions } from '../../src/client/cluster.ts'
import { kafkaOn } from '../../src/client/connect.ts'
import { createConsumer } from '../../src/client/consumer/consumer.ts'
import { createProducer } from '../../src/client/producer/producer.ts'
import { formatError, isMillraceError, type MillraceError } from '../../src/core/errors.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { metadata } from '../../src/protocol/apis/metadata.ts'
import { SecureBroker } from './secure-broker.ts'

const scram = { mechanism: 'scram-sha-512', username: 'alice', password: 'hers' } as const

describe('a client under TLS', () => {
  const secure = new SecureBroker()

  before(async () => {
    await secure.open()
    secure.broker.putScramUser('alice', 'hers')
    secure.broker.putScramUser('alice', 'hers', { mechanism: 'SCRAM-SHA-256' })
    const admin = createAdmin(secure.cluster('SASL_SSL', { sasl: plain('admin') }))
    await admin.createTopics([{ topic: 'clicks', partitions: 1 }])
    await admin.createAcls(
      (['read', 'write'] as const).map((operation) => ({
        resourceType: 'topic',
        resourceName: 'clicks',
        principal: 'User:alice',
        operation,
      })),
    )
    const group = { resourceType: 'group', resourceName: 'readers-', pattern: 'prefixed' } as const
    await admin.createAcls([{ ...group, principal: 'User:alice', operation: 'read' }])
  })
  after(() => secure.close())

  const plain = (username: string) =>
    ({ mechanism: 'plain', username, password: `${username}-secret` }) as const
  const ways: Readonly<Record<string, readonly [listener: string, options: () => Partial<ClusterOptions>]>> =
    {
      PLAIN: ['SASL_SSL', () => ({ sasl: plain('alice') })],
      'SCRAM-SHA-256': ['SASL_SSL', () => ({ sasl: { ...scram, mechanism: 'scram-sha-256' } })],
      'SCRAM-SHA-512': ['SASL_SSL', () => ({ sasl: scram })],
      'a certificate': ['MTLS', () => ({ tls: { ca: secure.authority.cert, ...secure.alice } })],
    }

  for (const [way, [listener, options]] of Object.entries(ways)) {
    it(`writes and reads in a group as alice, by ${way}`, async () => {
      const cluster = secure.cluster(listener, options())
      const producer = createProducer(cluster)
      const { offset } = await producer.send({ topic: 'clicks', value: `by ${way}` })
      await producer.close()
      const consumer = createConsumer(cluster, { group: `readers-${way}`, offsetReset: 'earliest' })
      await consumer.subscribe(['clicks'])
      const values: string[] = []
      for await (const record of consumer.records()) {
        values.push(String(record.value))
        if (BigInt(record.offset) >= BigInt(offset)) break
      }
      await consumer.close()
      assert.equal(values.at(-1), `by ${way}`)
    })
  }

  it('may do nothing where it did not say who it is', async () => {
    const cluster = secure.cluster('PLAINTEXT')
    const connection = await cluster.anyBroker()
    const answer = await connection.send(metadata, { topics: null })
    assert.deepEqual(answer.topics, [])
  })

  const mistakes: Readonly<Record<string, readonly [string, () => Partial<ClusterOptions>, RegExp]>> = {
    'a wrong password': [
      'SASL_SSL',
      () => ({ sasl: { ...scram, password: 'guess' } }),
      /SASL_AUTHENTICATION_FAILED[\s\S]*Check user name, password and mechanism/,
    ],
    'a mechanism that is not offered': [
      'SASL_SSL',
      () => ({ sasl: { mechanism: 'oauthbearer', token: 'x' } }),
      /the broker offers plain, scram-sha-256, scram-sha-512/,
    ],
    'a login where there is none': ['PLAINTEXT', () => ({ sasl: scram }), /leave sasl away/],
    'no certificate': ['MTLS', () => ({}), /refused the certificate of this client[\s\S]*MR_TLS_FAILED/],
    'an authority that is not known': [
      'SASL_SSL',
      () => ({ tls: true, sasl: scram }),
      /tls\.ca[\s\S]*MR_TLS_FAILED/,
    ],
    'TLS at a plain port': ['PLAINTEXT', () => ({ tls: true }), /SSL or SASL_SSL[\s\S]*MR_TLS_FAILED/],
  }

  for (const [what, [listener, options, text]] of Object.entries(mistakes)) {
    it(`is told at once what is wrong, and what to do, for ${what}`, async () => {
      const cluster = secure.cluster(listener, { ...options(), requestTimeoutMs: 5000 })
      const { clock } = nodePlatform()
      const startMs = clock.monotonicMs()
      const attempt = createProducer(cluster).send({ topic: 'clicks', value: 'x' })
      await assert.rejects(attempt, (error: MillraceError) => {
        assert.match(formatError(error), text)
        return true
      })
      assert.ok(clock.monotonicMs() - startMs < 4000, 'it does not try for ever')
    })
  }

  it('is told that a port is under TLS when it speaks without', async () => {
    const cluster = secure.cluster('SASL_SSL', { tls: false, requestTimeoutMs: 2000 })
    await assert.rejects(cluster.anyBroker(), (error) => isMillraceError(error))
  })

  it('has one login', () => {
    const kafka = () =>
      kafkaOn({ platform: nodePlatform(), brokers: ['a:1'], sasl: scram, authenticate: async () => {} })
    assert.throws(kafka, { code: 'MR_OPTION_INVALID' })
  })
})

describe('a broker that asks for a login every second', () => {
  const secure = new SecureBroker()
  before(async () => {
    await secure.open({ 'connections.max.reauth.ms': 1500 })
  })
  after(() => secure.close())

  it('is written to without a pause that shows', async () => {
    const { clock } = nodePlatform()
    const sasl = { mechanism: 'plain', username: 'admin', password: 'admin-secret' } as const
    const cluster = secure.cluster('SASL_SSL', { sasl })
    await createAdmin(cluster).createTopics([{ topic: 'steady', partitions: 1 }])
    const producer = createProducer(cluster)
    const endMs = clock.monotonicMs() + 4000
    let count = 0
    while (clock.monotonicMs() < endMs) {
      await producer.send({ topic: 'steady', value: String(count++) })
    }
    await producer.close()
    const { apis, connections, partitions } = secure.broker.metrics()
    const logins = apis.find(({ name }) => name === 'SaslAuthenticate')?.requests ?? 0
    assert.ok(logins > connections.accepted, `${logins} logins on ${connections.accepted} connections`)
    assert.equal(partitions.find(({ topic }) => topic === 'steady')?.endOffset, count)
    assert.ok(connections.accepted <= 4, `${connections.accepted} connections`)
  })
})
