/** Logging in with signed tokens: which are believed, and that nothing is said of why one is not. */
import assert from 'node:assert/strict'
import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import type { SaslOptions } from '../../../client/connection/sasl/sasl-options.ts'
import { replaceFile } from '../../../platform/disk.ts'
import { metadata } from '../../../protocol/apis/metadata.ts'
import { saslAuthenticate } from '../../../protocol/apis/sasl-authenticate.ts'
import { saslHandshake } from '../../../protocol/apis/sasl-handshake.ts'
import type { TestBroker } from '../../broker-fixture.ts'
import { connectAs, openWithLogin } from '../security-fixture.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ec384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })

const jwk = (key: KeyObject, kid: string, more: object = {}) => ({
  ...key.export({ format: 'jwk' }),
  kid,
  ...more,
})
const keySet = {
  keys: [
    jwk(rsa.publicKey, 'r'),
    jwk(ec.publicKey, 'e', { alg: 'ES256', use: 'sig' }),
    jwk(ec384.publicKey, 'e384'),
    jwk(short.publicKey, 'short'),
    { kty: 'oct', k: 'c2VjcmV0', kid: 'o' },
  ],
}

const JWKS_PATH = '/jwks.json'
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

interface TokenOptions {
  readonly alg?: string
  readonly kid?: string | null
  readonly key?: KeyObject
  readonly header?: object
  readonly claims?: object
}

function token(nowMs: number, options: TokenOptions = {}): string {
  const { alg = 'RS256', kid = 'r', key = rsa.privateKey } = options
  const seconds = Math.floor(nowMs / 1000)
  const header = { alg, ...(kid !== null && { kid }), ...options.header }
  const claims = {
    sub: 'alice',
    iss: 'https://issuer',
    aud: ['kafka', 'x'],
    exp: seconds + 60,
    iat: seconds,
    ...options.claims,
  }
  const text = `${encode(header)}.${encode(claims)}`
  if (alg === 'none') return `${text}.AA`
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  const more = alg.startsWith('ES')
    ? { dsaEncoding: 'ieee-p1363' as const }
    : alg.startsWith('PS')
      ? padding
      : {}
  return `${text}.${sign(`sha${alg.slice(2)}`, Buffer.from(text), { key, ...more }).toString('base64url')}`
}

async function openWithTokens(): Promise<TestBroker> {
  const broker = await openWithLogin({
    'sasl.enabled.mechanisms': 'OAUTHBEARER',
    'sasl.oauthbearer.jwks.endpoint.url': `file://${JWKS_PATH}`,
    'sasl.oauthbearer.expected.audience': 'kafka',
    'sasl.oauthbearer.expected.issuer': 'https://issuer',
    'super.users': 'User:alice',
  })
  writeKeys(broker, keySet)
  return broker
}

function writeKeys(broker: TestBroker, keys: unknown): void {
  replaceFile(broker.simulation.host('local').platform.disk, JWKS_PATH, Buffer.from(JSON.stringify(keys)))
}

const bearer = (text: string): SaslOptions => ({ mechanism: 'oauthbearer', token: text })

const good: Readonly<Record<string, TokenOptions>> = {
  RS256: {},
  'RS512 without a key id': { alg: 'RS512', kid: null },
  PS256: { alg: 'PS256' },
  ES256: { alg: 'ES256', kid: 'e', key: ec.privateKey },
  ES384: { alg: 'ES384', kid: 'e384', key: ec384.privateKey },
  'one audience as a text': { claims: { aud: 'kafka' } },
}

for (const [what, options] of Object.entries(good)) {
  test(`a token is believed: ${what}`, async () => {
    const broker = await openWithTokens()
    const connection = await connectAs(broker, bearer(token(broker.simulation.clock.nowMs(), options)))
    const answer = await broker.simulation.runUntil(connection.send(metadata, { topics: null }))
    assert.equal(answer.brokers.length, 1)
    await broker.close()
  })
}

test('a token is believed a little after its end, as clocks differ', async () => {
  const broker = await openWithTokens()
  const nowMs = broker.simulation.clock.nowMs()
  const text = token(nowMs, { claims: { exp: Math.floor(nowMs / 1000) - 20 } })
  const connection = await connectAs(broker, bearer(text))
  assert.equal(connection.closed, false)
  await broker.close()
})

const ago = -3600
const bad: Readonly<Record<string, (seconds: number) => TokenOptions>> = {
  'another key': () => ({ key: other.privateKey }),
  'no signature': () => ({ alg: 'none' }),
  'an algorithm that is not of the key': () => ({ alg: 'ES256', key: ec.privateKey, kid: 'r' }),
  'an algorithm that the key set does not allow for the key': () => ({
    alg: 'ES512',
    kid: 'e',
    key: ec.privateKey,
  }),
  'a key that is too short': () => ({ key: short.privateKey, kid: 'short' }),
  'a key that is not there': () => ({ kid: 'elsewhere' }),
  'an extension that must be understood': () => ({ header: { crit: ['x'] } }),
  'an end that has passed': (now) => ({ claims: { exp: now + ago } }),
  'no end': () => ({ claims: { exp: undefined } }),
  'a beginning that has not come': (now) => ({ claims: { nbf: now - ago } }),
  'an issue in the future': (now) => ({ claims: { iat: now - ago } }),
  'another audience': () => ({ claims: { aud: ['other'] } }),
  'no audience': () => ({ claims: { aud: undefined } }),
  'another issuer': () => ({ claims: { iss: 'https://elsewhere' } }),
  'no user': () => ({ claims: { sub: undefined } }),
  'a user that is no text': () => ({ claims: { sub: 7 } }),
}

const refusal = {
  code: 'MR_KAFKA',
  message: /invalid credentials with SASL mechanism OAUTHBEARER \(SASL_AUTHENTICATION_FAILED\)/,
}

for (const [what, optionsOf] of Object.entries(bad)) {
  test(`a token is not believed: ${what}`, async () => {
    const broker = await openWithTokens()
    const nowMs = broker.simulation.clock.nowMs()
    const text = token(nowMs, optionsOf(Math.floor(nowMs / 1000)))
    await assert.rejects(connectAs(broker, bearer(text)), refusal)
    await broker.close()
  })
}

test('what is no token at all is not believed', async () => {
  const broker = await openWithTokens()
  const whole = token(broker.simulation.clock.nowMs())
  for (const text of [
    'x',
    'a.b',
    'a.b.c',
    `${whole}.x`,
    `${whole.slice(0, -8)}AAAAAAAA`,
    whole.replace('.', '..'),
  ]) {
    await assert.rejects(connectAs(broker, bearer(text)), refusal, text)
  }
  await broker.close()
})

test('a login holds no longer than its token', async () => {
  const broker = await openWithTokens()
  const { simulation } = broker
  const connection = await connectAs(broker)
  await simulation.runUntil(connection.send(saslHandshake, { mechanism: 'OAUTHBEARER' }))
  const authBytes = Buffer.from(`n,,\x01auth=Bearer ${token(simulation.clock.nowMs())}\x01\x01`)
  const { sessionLifetimeMs } = await simulation.runUntil(connection.send(saslAuthenticate, { authBytes }))
  assert.ok(sessionLifetimeMs > 58_000n && sessionLifetimeMs <= 60_000n, `${sessionLifetimeMs}`)
  await broker.advance(61_000)
  await assert.rejects(simulation.runUntil(connection.send(metadata, { topics: null })), {
    code: 'MR_CONNECTION_LOST',
  })
  await broker.close()
})

test('a new key is found when a token names it, but the file is not read at every guess', async () => {
  const broker = await openWithTokens()
  const fresh = { key: other.privateKey, kid: 'new' }
  const logIn = () => connectAs(broker, bearer(token(broker.simulation.clock.nowMs(), fresh)))
  await assert.rejects(logIn(), refusal)
  writeKeys(broker, { keys: [...keySet.keys, jwk(other.publicKey, 'new')] })
  await assert.rejects(logIn(), refusal)
  await broker.advance(10_000)
  const connection = await logIn()
  assert.equal(connection.closed, false)
  writeKeys(broker, 'no key set')
  await broker.advance(7_200_000)
  await logIn()
  await broker.close()
})

test('without a place for the keys nothing is listened on', async () => {
  await assert.rejects(openWithLogin({ 'sasl.enabled.mechanisms': 'OAUTHBEARER' }), {
    code: 'MR_CONFIG_INVALID',
    where: 'sasl.oauthbearer.jwks.endpoint.url',
  })
})
