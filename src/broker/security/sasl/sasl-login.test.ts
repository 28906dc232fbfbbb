/** Logging in at the broker: by every mechanism, wrongly, not at all, again, and too late. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameReader } from '../../../client/connection/frame-reader.ts'
import type { SaslOptions } from '../../../client/connection/sasl/sasl-options.ts'
import { type ErrorContext, MillraceError } from '../../../core/errors.ts'
import { alterUserScramCredentials } from '../../../protocol/apis/alter-user-scram-credentials.ts'
import { metadata } from '../../../protocol/apis/metadata.ts'
import { saslAuthenticate } from '../../../protocol/apis/sasl-authenticate.ts'
import { saslHandshake } from '../../../protocol/apis/sasl-handshake.ts'
import { encodeRequest } from '../../../protocol/codec/request.ts'
import { ErrorCodes } from '../../../protocol/error-codes.ts'
import { clientProof, saltPassword } from '../../../protocol/sasl/scram.ts'
import type { TestBroker } from '../../broker-fixture.ts'
import { connectAs, listenWithLogin, openWithLogin, plain, SASL_PORT } from '../security-fixture.ts'

const allTopics = { topics: null, allowAutoTopicCreation: false } as const

const scram = (username: string, password: string, bits: 256 | 512 = 512): SaslOptions => ({
  mechanism: `scram-sha-${bits}`,
  username,
  password,
})

const refusedWith = (kafkaName: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MillraceError, String(error))
  assert.equal(error.code, 'MR_KAFKA')
  assert.equal((error.context as ErrorContext)['kafkaName'], kafkaName)
  assert.match(error.message, text)
  assert.equal(error.retriable, false)
  return true
}

async function isServed(broker: TestBroker, sasl: SaslOptions): Promise<void> {
  const connection = await connectAs(broker, sasl)
  const answer = await broker.simulation.runUntil(connection.send(metadata, allTopics))
  assert.equal(answer.brokers.length, 1)
  await connection.close()
}

test('who logs in by PLAIN is served', async () => {
  const broker = await openWithLogin()
  await isServed(broker, plain('alice'))
  await isServed(broker, { ...plain('alice'), password: async () => 'alice-secret' } as SaslOptions)
  await broker.close()
})

for (const bits of [256, 512] as const) {
  test(`who logs in by SCRAM-SHA-${bits} is served, also after a restart, and not with an old password`, async () => {
    const broker = await openWithLogin()
    const mechanism = `SCRAM-SHA-${bits}` as const
    const name = 'al=ice, of the mill'
    broker.broker.putScramUser(name, 'first', { mechanism })
    await isServed(broker, scram(name, 'first', bits))
    broker.broker.putScramUser(name, 'sécond ✈', { mechanism })
    await broker.restart()
    await listenWithLogin(broker)
    await isServed(broker, scram(name, 'sécond ✈', bits))
    await assert.rejects(
      connectAs(broker, scram(name, 'first', bits)),
      refusedWith('SASL_AUTHENTICATION_FAILED', /invalid credentials/),
    )
    await broker.close()
  })
}

test('a credential is made and deleted over the wire', async () => {
  const broker = await openWithLogin()
  const salt = Buffer.from('a salt of some bytes')
  const saltedPassword = saltPassword('SCRAM-SHA-256', 'hers', { salt, iterations: 8192 })
  const alter = async (request: Parameters<typeof send>[0]) => (await send(request)).results
  const send = (request: { deletions?: unknown[]; upsertions?: unknown[] }) =>
    broker.send(alterUserScramCredentials, { deletions: [], upsertions: [], ...request } as never)
  const upsertion = { name: 'carol', mechanism: 1, iterations: 8192, salt, saltedPassword }
  const none = { errorCode: ErrorCodes.NONE, errorMessage: null }
  assert.deepEqual(await alter({ upsertions: [upsertion] }), [{ user: 'carol', ...none }])
  await isServed(broker, scram('carol', 'hers', 256))
  const illegal = await alter({
    upsertions: [
      { ...upsertion, name: 'few', iterations: 4095 },
      { ...upsertion, name: 'many', iterations: 16_385 },
      { ...upsertion, name: 'other', mechanism: 9 },
      { ...upsertion, name: 'short', saltedPassword: Buffer.alloc(3) },
      { ...upsertion, name: 'twice' },
      { ...upsertion, name: 'twice' },
    ],
    deletions: [{ name: 'nobody', mechanism: 1 }],
  })
  assert.deepEqual(
    illegal.map(({ user, errorCode }) => [user, errorCode]),
    [
      ['nobody', ErrorCodes.RESOURCE_NOT_FOUND],
      ['few', ErrorCodes.UNACCEPTABLE_CREDENTIAL],
      ['many', ErrorCodes.UNACCEPTABLE_CREDENTIAL],
      ['other', ErrorCodes.UNSUPPORTED_SASL_MECHANISM],
      ['short', ErrorCodes.UNACCEPTABLE_CREDENTIAL],
      ['twice', ErrorCodes.DUPLICATE_RESOURCE],
    ],
  )
  assert.deepEqual(await alter({ deletions: [{ name: 'carol', mechanism: 1 }] }), [
    { user: 'carol', ...none },
  ])
  await assert.rejects(
    connectAs(broker, scram('carol', 'hers', 256)),
    refusedWith('SASL_AUTHENTICATION_FAILED', /invalid credentials/),
  )
  await broker.close()
})

const wrong: Readonly<Record<string, SaslOptions>> = {
  'a wrong password': plain('alice', 'guess'),
  'an unknown user': plain('mallory', 'alice-secret'),
  'an empty password': plain('alice', ''),
  'a wrong SCRAM password': scram('kept', 'guess'),
  'an unknown SCRAM user': scram('mallory', 'guess'),
  'SCRAM for a user that has only PLAIN': scram('alice', 'alice-secret'),
  'PLAIN for a user that has only SCRAM': plain('kept', 'right'),
  'SCRAM by a mechanism that the user does not have': scram('kept', 'right', 256),
}

for (const [what, sasl] of Object.entries(wrong)) {
  test(`${what} is refused after a delay, with the same text, and the connection ends`, async () => {
    const broker = await openWithLogin()
    broker.broker.putScramUser('kept', 'right')
    const { clock } = broker.simulation
    const startMs = clock.monotonicMs()
    await assert.rejects(
      connectAs(broker, sasl),
      refusedWith('SASL_AUTHENTICATION_FAILED', /Authentication failed.*(invalid|not specified|Invalid)/),
    )
    assert.ok(clock.monotonicMs() - startMs >= 100)
    await broker.advance(10)
    assert.equal(broker.broker.metrics().connections.open, 0)
    await broker.close()
  })
}

test('an unknown SCRAM user gets a salt, the same one each time, so that names cannot be tried out', async () => {
  const broker = await openWithLogin()
  broker.broker.putScramUser('kept', 'right')
  const firstAnswer = async (user: string): Promise<string> => {
    const connection = await connectAs(broker)
    const { simulation } = broker
    await simulation.runUntil(connection.send(saslHandshake, { mechanism: 'SCRAM-SHA-512' }))
    const authBytes = Buffer.from(`n,,n=${user},r=abc`)
    const answer = await simulation.runUntil(connection.send(saslAuthenticate, { authBytes }))
    assert.equal(answer.errorCode, ErrorCodes.NONE)
    await connection.close()
    return answer.authBytes.toString()
  }
  const [kept, ghost, again] = [
    await firstAnswer('kept'),
    await firstAnswer('ghost'),
    await firstAnswer('ghost'),
  ]
  const form = /^r=abc[\w-]{32},s=[A-Za-z0-9+/=]+,i=4096$/
  for (const answer of [kept, ghost, again]) assert.match(answer, form)
  const saltOf = (answer: string): string => answer.split(',')[1]!
  assert.equal(saltOf(ghost), saltOf(again))
  assert.notEqual(saltOf(ghost), saltOf(await firstAnswer('other')))
  await broker.close()
})

/** The last message of a client that knows the password, whatever else it says. */
function provenFinal(serverFirst: string, clientFirstBare: string, withoutProof: string): string {
  const [, salt = '', iterations = ''] = /s=([^,]*),i=(\d+)/.exec(serverFirst) ?? []
  const from = { salt: Buffer.from(salt, 'base64'), iterations: Number(iterations) }
  const salted = saltPassword('SCRAM-SHA-512', 'right', from)
  const authMessage = `${clientFirstBare},${serverFirst},${withoutProof}`
  return `${withoutProof},p=${clientProof('SCRAM-SHA-512', salted, authMessage).toString('base64')}`
}

const bare = 'n=kept,r=abc'
const finals: Readonly<
  Record<string, readonly [served: boolean, finalOf: (serverFirst: string, nonce: string) => string]>
> = {
  'all as it should be': [true, (first, nonce) => provenFinal(first, bare, `c=biws,r=${nonce}`)],
  'an extension behind it': [true, (first, nonce) => provenFinal(first, bare, `c=biws,r=${nonce},x=y`)],
  'a nonce that is not the whole one': [
    false,
    (first, nonce) => provenFinal(first, bare, `c=biws,r=${nonce.slice(0, 8)}`),
  ],
  'its own nonce': [false, (first) => provenFinal(first, bare, 'c=biws,r=abc')],
  'another nonce': [false, (first) => provenFinal(first, bare, 'c=biws,r=abcdefghij')],
  'a channel that is bound': [false, (first, nonce) => provenFinal(first, bare, `c=cD10bHMsLA==,r=${nonce}`)],
  'no header': [false, (first, nonce) => provenFinal(first, bare, `r=${nonce}`)],
  'the first message of another user': [
    false,
    (first, nonce) => provenFinal(first, 'n=other,r=abc', `c=biws,r=${nonce}`),
  ],
  'a proof of another length': [false, (_, nonce) => `c=biws,r=${nonce},p=AAAA`],
  'no proof': [false, (_, nonce) => `c=biws,r=${nonce}`],
  'bytes of another protocol': [false, () => '\0kept\0right'],
}

for (const [what, [served, finalOf]] of Object.entries(finals)) {
  test(`SCRAM with ${what} is ${served ? 'taken' : 'refused'}`, async () => {
    const broker = await openWithLogin()
    broker.broker.putScramUser('kept', 'right')
    const connection = await connectAs(broker)
    const { simulation } = broker
    await simulation.runUntil(connection.send(saslHandshake, { mechanism: 'SCRAM-SHA-512' }))
    const authBytes = Buffer.from(`n,,${bare}`)
    const first = (
      await simulation.runUntil(connection.send(saslAuthenticate, { authBytes }))
    ).authBytes.toString()
    const nonce = /^r=([^,]*)/.exec(first)![1]!
    const final = Buffer.from(finalOf(first, nonce))
    const answer = await simulation.runUntil(connection.send(saslAuthenticate, { authBytes: final }))
    const { NONE, SASL_AUTHENTICATION_FAILED } = ErrorCodes
    assert.equal(answer.errorCode, served ? NONE : SASL_AUTHENTICATION_FAILED)
    await broker.close()
  })
}

test('random bytes in a login are refused and disturb nobody', async () => {
  const broker = await openWithLogin()
  broker.broker.putScramUser('kept', 'right')
  const { simulation } = broker
  const { chance } = simulation
  const other = await connectAs(broker, plain('alice'))
  for (let i = 0; i < 150; i++) {
    const mechanism = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'][i % 3]!
    const connection = await connectAs(broker)
    await simulation.runUntil(connection.send(saslHandshake, { mechanism }))
    const head = ['', 'n,,', 'n,,n=kept,r=', 'n,a=x,', '\0'][i % 5]!
    const authBytes = Buffer.concat([Buffer.from(head), chance.bytes(chance.uint32() % 300)])
    const answer = await simulation.runUntil(connection.send(saslAuthenticate, { authBytes }))
    assert.ok([ErrorCodes.NONE, ErrorCodes.SASL_AUTHENTICATION_FAILED].includes(answer.errorCode as 0))
    if (answer.errorCode === ErrorCodes.NONE) assert.match(answer.authBytes.toString('latin1'), /^r=/)
    await connection.close()
  }
  assert.equal((await simulation.runUntil(other.send(metadata, allTopics))).brokers.length, 1)
  await broker.close()
})

test('a mechanism that is not offered is answered with those that are', async () => {
  const broker = await openWithLogin({ 'sasl.enabled.mechanisms': 'SCRAM-SHA-512' })
  await assert.rejects(
    connectAs(broker, plain('alice')),
    refusedWith('UNSUPPORTED_SASL_MECHANISM', /the broker offers scram-sha-512/),
  )
  await broker.close()
})

test('who asks for anything before the login is cut off', async () => {
  const broker = await openWithLogin()
  const connection = await connectAs(broker)
  await assert.rejects(broker.simulation.runUntil(connection.send(metadata, allTopics)), {
    code: 'MR_CONNECTION_LOST',
  })
  await broker.close()
})

test('who sends a large request before the login is cut off, after it is served', async () => {
  const broker = await openWithLogin({ 'sasl.server.max.receive.size': 4096, 'super.users': 'User:alice' })
  const outside = await connectAs(broker)
  await broker.simulation.runUntil(outside.send(saslHandshake, { mechanism: 'PLAIN' }))
  const attempt = outside.send(saslAuthenticate, { authBytes: Buffer.alloc(5000) })
  await assert.rejects(broker.simulation.runUntil(attempt), { code: 'MR_CONNECTION_LOST' })
  const inside = await connectAs(broker, plain('alice'))
  const topics = Array.from({ length: 500 }, (_, at) => ({ name: `topic-${at}` }))
  const answer = await broker.simulation.runUntil(
    inside.send(metadata, { topics, allowAutoTopicCreation: false }, { version: 8 }),
  )
  assert.equal(answer.topics.length, 500)
  await broker.close()
})

test('who does not log in in time is cut off', async () => {
  const broker = await openWithLogin({ 'connection.authentication.timeout.ms': 2000 })
  const connection = await connectAs(broker)
  const other = await connectAs(broker, plain('alice'))
  await broker.advance(4000)
  assert.equal(connection.closed, true)
  assert.equal(other.closed, false)
  await broker.close()
})

for (const [what, password] of [
  ['the answer to a right one is bare too, and requests are served', 'alice-secret'],
  ['a wrong one ends the connection without an answer', 'guess'],
] as const) {
  test(`after a handshake of version 0 tokens are bare: ${what}`, async () => {
    const broker = await openWithLogin()
    const { simulation } = broker
    const { net } = simulation.host('client').platform
    const address = { host: 'local', port: SASL_PORT, timeoutMs: 1000 }
    const frames: Buffer[] = []
    let closed = false
    const reader = new FrameReader(1 << 20, (frame) => void frames.push(frame))
    const opening = net.connect(address).then((opened) => {
      const close = (): void => {
        closed = true
      }
      opened.start({ data: (bytes) => reader.push(bytes), drain() {}, close })
      return opened
    })
    const socket = await simulation.runUntil(opening)
    const header = { correlationId: 1, clientId: 'old' }
    socket.write(encodeRequest(saslHandshake, 0, header, { mechanism: 'PLAIN' }))
    await simulation.runUntil(() => frames.length === 1)
    const token = Buffer.from(`\0alice\0${password}`)
    socket.write(Buffer.concat([Buffer.from([0, 0, 0, token.length]), token]))
    if (password === 'guess') {
      await simulation.runUntil(() => closed)
      assert.equal(frames.length, 1)
    } else {
      await simulation.runUntil(() => frames.length === 2)
      assert.equal(frames[1]!.length, 0)
      socket.write(encodeRequest(metadata, 4, { correlationId: 7, clientId: 'old' }, allTopics))
      await simulation.runUntil(() => frames.length === 3)
      assert.equal(frames[2]!.readInt32BE(0), 7)
    }
    await broker.close()
  })
}

test('where nobody logs in a handshake is an illegal state', async () => {
  const broker = await openWithLogin()
  const answer = await broker.send(saslHandshake, { mechanism: 'PLAIN' })
  assert.equal(answer.errorCode, ErrorCodes.ILLEGAL_SASL_STATE)
  const inside = await connectAs(broker, plain('alice'))
  const late = await broker.simulation.runUntil(inside.send(saslAuthenticate, { authBytes: Buffer.alloc(1) }))
  assert.equal(late.errorCode, ErrorCodes.ILLEGAL_SASL_STATE)
  await broker.close()
})

test('a connection logs in again before its session ends, and its requests keep their order', async () => {
  const broker = await openWithLogin({ 'connections.max.reauth.ms': 10_000 })
  const connection = await connectAs(broker, plain('alice'))
  const steps = () => broker.broker.metrics().apis.find(({ name }) => name === 'SaslAuthenticate')?.requests
  const order: number[] = []
  for (let i = 0; i < 60; i++) {
    void connection.send(metadata, allTopics).then(() => order.push(i))
    await broker.advance(500)
  }
  assert.equal(connection.closed, false)
  assert.deepEqual(
    order,
    Array.from({ length: 60 }, (_, at) => at),
  )
  assert.equal(steps(), 4, 'one login, then one every 9 seconds')
  await connection.close()
  await broker.close()
})

test('a session that has expired ends with the next request', async () => {
  const broker = await openWithLogin({ 'connections.max.reauth.ms': 5000 })
  const { simulation } = broker
  const connection = await connectAs(broker)
  const authBytes = Buffer.from('\0alice\0alice-secret')
  await simulation.runUntil(connection.send(saslHandshake, { mechanism: 'PLAIN' }))
  const answer = await simulation.runUntil(connection.send(saslAuthenticate, { authBytes }))
  assert.equal(answer.sessionLifetimeMs, 5000n)
  await broker.advance(4000)
  await simulation.runUntil(connection.send(metadata, allTopics))
  await broker.advance(2000)
  await assert.rejects(simulation.runUntil(connection.send(metadata, allTopics)), {
    code: 'MR_CONNECTION_LOST',
  })
  await broker.close()
})

for (const [what, again] of [
  ['as another user', { mechanism: 'PLAIN', token: '\0bob\0bob-secret' }],
  ['by another mechanism', { mechanism: 'SCRAM-SHA-512', token: 'n,,n=alice,r=abc' }],
] as const) {
  test(`nobody logs in again ${what}`, async () => {
    const broker = await openWithLogin()
    const { simulation } = broker
    const connection = await connectAs(broker, plain('alice'))
    const handshake = () =>
      simulation.runUntil(connection.send(saslHandshake, { mechanism: again.mechanism }))
    assert.equal((await handshake()).errorCode, ErrorCodes.ILLEGAL_SASL_STATE, 'not within a second')
    await broker.advance(1500)
    assert.equal((await handshake()).errorCode, ErrorCodes.NONE)
    const answer = await simulation.runUntil(
      connection.send(saslAuthenticate, { authBytes: Buffer.from(again.token) }),
    )
    assert.equal(answer.errorCode, ErrorCodes.SASL_AUTHENTICATION_FAILED)
    await simulation.runUntil(() => connection.closed)
    await broker.close()
  })
}
