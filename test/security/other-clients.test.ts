/** Other people's clients at a broker that asks who they are: kcat and confluent-kafka (librdkafka). */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { installClient, missingClient } from '../../scripts/clients/install.ts'
import { kcat, skipWithoutKcat } from '../e2e/kcat.ts'
import { SecureBroker } from './secure-broker.ts'

const superUsers = { 'super.users': 'User:admin;User:alice' }

describe('kcat at a secure broker', { skip: skipWithoutKcat }, () => {
  const secure = new SecureBroker()
  before(async () => {
    await secure.open(superUsers)
  })
  after(() => secure.close())

  const set = (name: string, value: string): string[] => ['-X', `${name}=${value}`]
  const tls = (protocol: string): string[] => [
    ...set('security.protocol', protocol),
    ...set('ssl.ca.location', secure.caFile),
  ]
  const login = (password: string, username = 'alice'): string[] => [
    ...tls('SASL_SSL'),
    ...set('sasl.mechanism', 'PLAIN'),
    ...set('sasl.username', username),
    ...set('sasl.password', password),
  ]
  const certificate = (): string[] => [
    ...tls('SSL'),
    ...set('ssl.certificate.location', path.join(secure.directory, 'alice.pem')),
    ...set('ssl.key.location', path.join(secure.directory, 'alice.key')),
  ]

  it('writes and reads over SASL_SSL with PLAIN', async () => {
    const broker = secure.addresses.get('SASL_SSL')!
    const written = await kcat(broker, [...login('alice-secret'), '-P', '-t', 'by-kcat'], 'one\ntwo\n')
    assert.equal(written.status, 0, written.err)
    const read = await kcat(broker, [...login('alice-secret'), '-C', '-t', 'by-kcat', '-e', '-q'])
    assert.equal(read.out.toString(), 'one\ntwo\n', read.err)
  })

  it('is told that a password is wrong', async () => {
    const { err, status } = await kcat(secure.addresses.get('SASL_SSL')!, [
      ...login('guess'),
      '-L',
      '-m',
      '2',
    ])
    assert.notEqual(status, 0)
    assert.match(err, /Authentication failed: Invalid username or password/)
  })

  it('writes and reads with a certificate', async () => {
    const broker = secure.addresses.get('MTLS')!
    const written = await kcat(broker, [...certificate(), '-P', '-t', 'by-certificate'], 'one\n')
    assert.equal(written.status, 0, written.err)
    const read = await kcat(broker, [...certificate(), '-C', '-t', 'by-certificate', '-e', '-q'])
    assert.equal(read.out.toString(), 'one\n', read.err)
  })

  it('is not let in without a certificate', async () => {
    const { status } = await kcat(secure.addresses.get('MTLS')!, [...tls('SSL'), '-L', '-m', '2'])
    assert.notEqual(status, 0)
  })

  it('sees no topics where it did not say who it is', async () => {
    const { out } = await kcat(secure.addresses.get('PLAINTEXT')!, ['-L'])
    assert.match(out.toString(), / 0 topics:/)
  })
})

const python = 'confluent-kafka-python'

describe('confluent-kafka at a secure broker', { skip: missingClient(python) ?? false }, () => {
  const secure = new SecureBroker()
  let home = ''
  before(async () => {
    home = await installClient(python)
    await secure.open(superUsers)
  })
  after(() => secure.close())

  it('logs in by SCRAM and PLAIN, manages users and rules, and is refused what it may not do', async () => {
    secure.broker.putScramUser('alice', 'alice-secret', { mechanism: 'SCRAM-SHA-256' })
    secure.broker.putScramUser('alice', 'alice-secret')
    const program = path.join(import.meta.dirname, 'confluent_secure.py')
    const text = await new Promise<string>((resolve, reject) => {
      const file = path.join(home, 'venv/bin/python')
      const parameters = [program, secure.addresses.get('SASL_SSL')!, secure.caFile]
      execFile(file, parameters, { timeout: 60_000 }, (error, out, err) =>
        error === null ? resolve(out) : reject(new Error(`${error.message}\n${err}`)),
      )
    })
    assert.deepEqual(JSON.parse(text), {
      PLAIN: ['0', '1', '2'],
      'SCRAM-SHA-256': ['0', '1', '2'],
      'SCRAM-SHA-512': ['0', '1', '2'],
      acls: ['User:carol READ ALLOW topic-of-SCRAM-SHA-256'],
      credentials: [['SCRAM_SHA_256', 8192]],
      'carol writes': 'TOPIC_AUTHORIZATION_FAILED',
      'wrong password': '_AUTHENTICATION',
    })
  })
})
