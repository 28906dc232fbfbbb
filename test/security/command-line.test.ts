/** A broker with TLS and logins from a configuration file, and commands that reach it: as a user sets them up. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { main } from '../../src/cli/main.ts'
import { until, within } from '../../src/platform/clock.ts'
import { TestAuthority } from '../../src/platform/node/certificates-fixture.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'
import { simulatedProcess } from '../../src/platform/simulated/process.ts'
import { simulatedTerminal } from '../../src/platform/simulated/terminal.ts'
import { type RunOptions, run } from '../cli/millrace.ts'

const WAIT_MS = 60_000

const config = `
import { count, defineConfig, json, pipeline } from 'millrace'

const sold = pipeline('sold')
sold
  .stream('orders', json())
  .groupBy((order) => order.item)
  .aggregate({ orders: count() })
  .toStream()
  .to('orders-per-item')

export default defineConfig({
  broker: {
    settings: {
      listeners: 'SASL_SSL://127.0.0.1:0',
      'ssl.keystore.location': 'server.pem',
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      'super.users': 'User:admin',
    },
    users: { admin: '\${file:admin.password}', alice: '\${env:ALICE_PASSWORD}' },
  },
  topics: { orders: { partitions: 2 } },
  pipelines: [sold],
  results: [{ topic: 'orders-per-item' }],
})
`
const env = { ALICE_PASSWORD: 'hers: "and=more' }

let directory: string
const file = (name: string, text?: string): string => {
  const at = path.join(directory, name)
  if (text !== undefined) fs.writeFileSync(at, text)
  return at
}

/** A properties file as Kafka's tools take it. */
function properties(user: string, password: string, more: Readonly<Record<string, string>> = {}): string {
  const module = 'org.apache.kafka.common.security.scram.ScramLoginModule'
  const quoted = password.replaceAll(/["\\]/g, '\\$&').replaceAll('\\', '\\\\')
  const lines = {
    'security.protocol': 'SASL_SSL',
    'sasl.mechanism': 'SCRAM-SHA-512',
    'sasl.jaas.config': `${module} required \\\n  username="${user}" \\\n  password="${quoted}";`,
    'ssl.truststore.location': file('ca.pem'),
    'ssl.truststore.type': 'PEM',
    ...more,
  }
  const text = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`)
  return file(`${user}-${Object.keys(more).length}-${password.length}.properties`, text.join(''))
}

before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-config-'))
  const authority = new TestAuthority(nodeClock.nowMs())
  const server = authority.issue({
    subject: [['CN', 'broker']],
    hosts: ['localhost'],
    addresses: ['127.0.0.1'],
  })
  file('ca.pem', authority.cert)
  file('server.pem', server.key + server.cert)
  file('admin.password', 'admin-secret\n')
  file('millrace.config.ts', config)
})
after(() => fs.rmSync(directory, { recursive: true }))

interface Served {
  readonly address: string
  readonly log: () => string
  stop(): Promise<void>
}

async function serve(...flags: readonly string[]): Promise<Served> {
  const argv = ['serve', '--data', file('data'), ...flags]
  const host = simulatedProcess({ argv, env })
  const terminal = simulatedTerminal({})
  const ended = main(host, terminal)
  const isUp = (): boolean => terminal.err.text.includes('"ready"') || host.exitCode !== undefined
  const stop = async (): Promise<void> => {
    host.signal('SIGTERM')
    await within(nodeClock, WAIT_MS, 'the end of millrace serve', ended)
  }
  try {
    await until(nodeClock, isUp, { what: 'millrace serve is up', timeoutMs: WAIT_MS, intervalMs: 5 })
  } catch (error) {
    await stop()
    throw error
  }
  const [, address = ''] = /"endpoints":\["([^"]+)"/.exec(terminal.err.text) ?? []
  return { address, log: () => terminal.err.text, stop }
}

const withConfig = (): readonly string[] => ['--config', file('millrace.config.ts')]

describe('a broker that asks for TLS and logins', () => {
  it('is set up by the configuration, and commands with credentials do everything with it', async () => {
    const { address, log, stop } = await serve(...withConfig())
    try {
      assert.notEqual(address, '', log())
      const admin = properties('admin', 'admin-secret', { 'bootstrap.servers': address })
      const as = (command: string, options: RunOptions = {}): ReturnType<typeof run> =>
        run([...command.split(' '), '--command-config', admin], options)
      assert.equal((await as('topics create orders -p 2')).status, 0)
      const input = ['a', 'b', 'a', 'a'].map((item) => `${JSON.stringify({ item })}\n`).join('')
      const produced = await as('produce orders', { input })
      assert.equal(produced.status, 0, produced.err)
      const consumed = await as('consume orders -g billing -n 4')
      assert.equal(consumed.out.trimEnd().split('\n').length, 4, consumed.err)
      const { out } = await as('groups list')
      assert.equal(JSON.parse(out).group, 'billing')
      // What is not in the file is in the environment.
      const alice = properties('alice', env.ALICE_PASSWORD)
      const own = { env: { MILLRACE_BROKERS: address, MILLRACE_COMMAND_CONFIG: alice } }
      assert.deepEqual(await run(['topics', 'list'], own), { status: 0, out: '', err: '' })
    } finally {
      await stop()
    }
  })

  it('is used by pipelines of the same process, in threads too, without a credential of anybody', async () => {
    const argv = [
      'dev',
      file('millrace.config.ts'),
      '--once',
      '--threads',
      '2',
      '--json',
      '--console-port',
      '0',
    ]
    const { err, out, status } = await run([...argv, '--data', file('data')], { env })
    assert.equal(status, 0, err)
    assert.match(out, /"orders":3/)
    assert.match(out, /"orders":1/)
    const kept = fs.readFileSync(file('data/log/security.json'), 'utf8')
    assert.deepEqual(kept.match(/"user": "[^"]*"/g), ['"user": "admin"', '"user": "alice"'])
  })

  it('is reached by the pipelines of another process, as the properties of its configuration say', async () => {
    const { address, stop } = await serve(...withConfig())
    const other = `
import { defineConfig, json, pipeline } from 'millrace'
const copied = pipeline('copied')
copied.stream('orders', json()).to('copies')
export default defineConfig({
  brokers: ['${address}'],
  kafka: {
    'security.protocol': 'SASL_SSL',
    'sasl.mechanism': 'SCRAM-SHA-512',
    'sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="\${file:admin.password}";',
    'ssl.truststore.location': 'ca.pem',
  },
  topics: { copies: { partitions: 1 } },
  pipelines: [copied],
})
`
    try {
      const argv = ['dev', file('other.config.ts', other), '--once', '--threads', '2', '--console-port', '0']
      const { err, status } = await run([...argv, '--data', file('other')], { env })
      assert.equal(status, 0, err)
      const admin = properties('admin', 'admin-secret')
      const copies = await run(['consume', 'copies', '--brokers', address, '--command-config', admin])
      assert.equal(copies.out.trimEnd().split('\n').length, 4, copies.err)
    } finally {
      await stop()
    }
  })

  it('refuses in three lines what is wrong, and says what to write', async () => {
    const { address, stop } = await serve(...withConfig())
    const refused = async (
      flags: readonly string[],
      status: number,
      lines: readonly RegExp[],
    ): Promise<void> => {
      const outcome = await run(['topics', 'list', '--brokers', address, ...flags])
      const told = outcome.err.trimEnd().split('\n')
      assert.equal(outcome.status, status, outcome.err)
      assert.equal(told.length, lines.length, outcome.err)
      for (const [at, line] of lines.entries()) assert.match(told[at]!, line)
      assert.ok(!outcome.err.includes('secret'), 'no password is told')
    }
    const from = (name: string): readonly string[] => ['--command-config', name]
    const anyPlace = /^ {2}at /
    try {
      await refused(from(properties('admin', 'not the secret')), 6, [
        /^error cannot log in: .*\(SASL_AUTHENTICATION_FAILED\)$/,
        anyPlace,
        /user name, password and mechanism/,
        /MR_KAFKA$/,
      ])
      await refused([], 5, [/ended the connection/, anyPlace, /--command-config FILE/, /MR_CONNECTION_LOST$/])
      const noAuthority = properties('admin', 'admin-secret', { 'ssl.truststore.location': '' })
      const authority = /ssl\.truststore\.location \(PEM\)/
      await refused(from(noAuthority), 5, [
        /authority that is not known/,
        anyPlace,
        authority,
        /MR_TLS_FAILED$/,
      ])
      const plain = properties('admin', 'admin-secret', { 'sasl.mechanism': 'PLAIN' })
      const module = /PlainLoginModule required/
      await refused(from(plain), 2, [/"sasl\.jaas\.config"/, anyPlace, module, /MR_CONFIG_INVALID$/])
      const noProtocol = properties('admin', 'admin-secret', { 'security.protocol': '' })
      const effect = /has no effect with security\.protocol PLAINTEXT/
      await refused(from(noProtocol), 2, [
        effect,
        anyPlace,
        /security\.protocol=SASL_SSL/,
        /MR_CONFIG_INVALID$/,
      ])
      const misspelt = properties('admin', 'admin-secret', { 'ssl.trustore.location': 'x' })
      const meant = /Did you mean "ssl\.truststore\.location"/
      await refused(from(misspelt), 2, [/"ssl\.trustore\.location"/, anyPlace, meant, /MR_CONFIG_INVALID$/])
      const java = properties('admin', 'admin-secret', { 'ssl.truststore.location': 'trust.jks' })
      await refused(from(java), 2, [/store of Java/, anyPlace, /keytool/, /MR_CONFIG_INVALID$/])
      await refused(from(file('nowhere')), 3, [
        /there is no file/,
        anyPlace,
        /properties file/,
        /MR_FILE_NOT_FOUND$/,
      ])
    } finally {
      await stop()
    }
  })

  it('does not start when a secret is missing, a setting is misspelt, or two things say where it is', async () => {
    const failed = async (
      argv: readonly string[],
      lines: RegExp,
      given: RunOptions = { env },
    ): Promise<void> => {
      const { err, status } = await run([...argv, '--data', file('unused')], given)
      assert.equal(status, 2, err)
      assert.match(err, lines)
      assert.ok(!fs.existsSync(file('unused')), 'nothing was started')
    }
    await failed(['serve', ...withConfig()], /no variable ALICE_PASSWORD[\s\S]*export ALICE_PASSWORD/, {})
    const misspelt = file('misspelt.config.ts', config.replace('super.users', 'super.user'))
    await failed(
      ['serve', '--config', misspelt],
      /no setting "super\.user"[\s\S]*misspelt\.config\.ts:\d+[\s\S]*super\.users/,
    )
    await failed(['dev', file('millrace.config.ts'), '--port', '0'], /both say where to listen/)
    await failed(['serve', ...withConfig(), '--port', '0'], /both say where to listen/)
  })

  it('lets nobody in from other machines without a login, unless that is said; then it warns', async () => {
    const open = ['--set', 'listeners=PLAINTEXT://0.0.0.0:0']
    const refused = await run(['serve', '--data', file('open'), ...open])
    assert.equal(refused.status, 2)
    assert.match(refused.err, /lets in everybody[\s\S]*insecure\.listeners\.allow[\s\S]*MR_LISTEN_EXPOSED/)
    const { log, stop } = await serve(...open, '--set', 'insecure.listeners.allow=true')
    await stop()
    const warning =
      log()
        .split('\n')
        .find((line) => line.includes('"level":"warn"')) ?? ''
    assert.match(warning, /MR_LISTEN_EXPOSED/)
  })

  it('tells its metrics on a port of their own when it is served alone', async () => {
    const { log, stop } = await serve(...withConfig(), '--metrics-port', '0')
    try {
      const [, url = ''] = /"metrics":"([^"]+)"/.exec(log()) ?? []
      const answer = await fetch(url)
      const text = await answer.text()
      assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
      assert.match(text, /^kafka_topic_partitions\{topic="orders"\} 2$/m)
      assert.match(text, /^kafka_server_socket_server_metrics_connection_count\{listener="SASL_SSL"\} 0$/m)
      assert.ok(!/secret|hers/.test(text))
      assert.equal((await fetch(new URL('/health', url))).status, 200)
      assert.equal((await fetch(new URL('/else', url))).status, 404)
    } finally {
      await stop()
    }
  })
})
