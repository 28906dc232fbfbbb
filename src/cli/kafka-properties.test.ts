import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { replaceFile } from '../platform/disk.ts'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import { bootstrapServers, clientSecurity, type KafkaProperties } from './kafka-properties.ts'

const { disk } = simulatedPlatform({ seed: 1 }).host('local').platform
disk.makeDirectory('/keys')
for (const [name, text] of Object.entries({
  'ca.pem': 'CA',
  'me.pem': 'ME',
  'me.p12': 'P12',
  token: 'a.b.c\n',
})) {
  replaceFile(disk, `/keys/${name}`, Buffer.from(text))
}

const of = (properties: KafkaProperties) =>
  clientSecurity(properties, { disk, file: 'client.properties', directory: '/keys' })
const jaas = (module: string): string =>
  `org.apache.kafka.common.security.x.${module} required username="a" password="p\\"w" ;`
const ssl = { 'security.protocol': 'SSL' }

describe('the properties of Kafka’s tools', () => {
  it('without any ask for neither TLS nor a login', () => {
    assert.deepEqual(of({}), {})
    assert.deepEqual(of({ 'security.protocol': 'plaintext', acks: 'all', 'group.id': 'x' }), {})
  })

  it('say who to believe, and who one is, under TLS', () => {
    assert.deepEqual(of(ssl), { tls: true })
    assert.deepEqual(of({ ...ssl, 'ssl.truststore.location': 'ca.pem' }), { tls: { ca: 'CA' } })
    assert.deepEqual(of({ ...ssl, 'ssl.truststore.certificates': 'TEXT' }), { tls: { ca: 'TEXT' } })
    assert.deepEqual(of({ ...ssl, 'ssl.keystore.location': '/keys/me.pem', 'ssl.key.password': 'k' }), {
      tls: { cert: 'ME', key: 'ME', passphrase: 'k' },
    })
    assert.deepEqual(of({ ...ssl, 'ssl.keystore.location': 'me.p12', 'ssl.keystore.password': 's' }), {
      tls: { pfx: Buffer.from('P12'), passphrase: 's' },
    })
    assert.deepEqual(of({ ...ssl, 'ssl.keystore.certificate.chain': 'C', 'ssl.keystore.key': 'K' }), {
      tls: { cert: 'C', key: 'K' },
    })
    assert.deepEqual(of({ ...ssl, 'ssl.endpoint.identification.algorithm': '', 'ssl.protocol': 'TLSv1.3' }), {
      tls: { checkServerName: false },
    })
  })

  it('say how to log in', () => {
    for (const [mechanism, module] of [
      ['PLAIN', 'PlainLoginModule'],
      ['SCRAM-SHA-256', 'ScramLoginModule'],
      ['SCRAM-SHA-512', 'ScramLoginModule'],
    ] as const) {
      const properties = { 'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': mechanism }
      assert.deepEqual(of({ ...properties, 'sasl.jaas.config': jaas(module) }), {
        sasl: { mechanism: mechanism.toLowerCase(), username: 'a', password: 'p"w' },
      })
    }
    const token = {
      'sasl.mechanism': 'OAUTHBEARER',
      'sasl.oauthbearer.token.endpoint.url': 'file:///keys/token',
    }
    assert.deepEqual(of({ 'security.protocol': 'SASL_SSL', ...token }), {
      tls: true,
      sasl: { mechanism: 'oauthbearer', token: 'a.b.c' },
    })
  })

  const wrong: Readonly<Record<string, readonly [KafkaProperties, RegExp, code?: string]>> = {
    'a protocol that there is not': [
      { 'security.protocol': 'TLS' },
      /PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL/,
    ],
    'a login that would not be made': [{ 'sasl.mechanism': 'PLAIN' }, /security\.protocol=SASL_SSL/],
    'an authority that would not be asked': [
      { 'ssl.truststore.location': 'ca.pem' },
      /security\.protocol=SSL/,
    ],
    'a mechanism that is not spoken': [
      { 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'GSSAPI' },
      /PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER/,
    ],
    'the module of another mechanism': [
      {
        'security.protocol': 'SASL_SSL',
        'sasl.mechanism': 'PLAIN',
        'sasl.jaas.config': jaas('ScramLoginModule'),
      },
      /PlainLoginModule required/,
    ],
    'a token that a server would have to be asked for': [
      {
        'security.protocol': 'SASL_SSL',
        'sasl.mechanism': 'OAUTHBEARER',
        'sasl.oauthbearer.token.endpoint.url': 'https://login/token',
      },
      /file:\/\//,
    ],
    'a keystore of Java': [{ ...ssl, 'ssl.keystore.location': 'me.jks' }, /PEM/],
    'a file that is not there': [
      { ...ssl, 'ssl.truststore.location': 'no.pem' },
      /\/keys/,
      'MR_FILE_NOT_FOUND',
    ],
    'a name that is misspelt': [{ ...ssl, 'ssl.keystore.pasword': 'secret' }, /ssl\.keystore\.password/],
  }
  for (const [what, [properties, hint, code = 'MR_CONFIG_INVALID']] of Object.entries(wrong)) {
    it(`are refused with ${what}, with what to write and without a secret`, () => {
      assert.throws(
        () => of(properties),
        (error: Error & { readonly code?: string; readonly hint?: string; readonly where?: string }) => {
          assert.equal(error.code, code)
          assert.match(error.hint ?? '', hint)
          assert.match(error.where ?? '', /^client\.properties/)
          assert.ok(!/secret|p\\?"w/.test(`${error.message}${error.hint}`))
          return true
        },
      )
    })
  }

  it('name the brokers, or do not', () => {
    assert.deepEqual(bootstrapServers({ 'bootstrap.servers': ' a:1, b:2 ,' }), ['a:1', 'b:2'])
    assert.equal(bootstrapServers({ 'bootstrap.servers': '' }), undefined)
    assert.equal(bootstrapServers({}), undefined)
  })
})
