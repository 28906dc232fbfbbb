/** The examples of docs/guide/security.md, run as they stand there. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { root } from '../../scripts/repository.ts'
import { until } from '../../src/platform/clock.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'
import { endChildren, inTime, start } from '../cli/child.ts'
import { run } from '../cli/millrace.ts'

const WAIT_MS = 60_000
const guide = readFileSync(path.join(root, 'docs/guide/security.md'), 'utf8')

/** The code behind an info string, such as `ts broker`. */
function block(info: string): string {
  const found = guide.split('```').find((part) => part.startsWith(`${info}\n`))
  assert.ok(found !== undefined, `the guide has no block "${info}"`)
  return found.slice(info.length + 1)
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const skip = !hasOpenssl() && process.env['CI'] !== 'true' && 'not installed: apt-get install openssl'

describe('the guide to security', { skip }, () => {
  it('has examples that run', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'millrace-guide-'))
    try {
      execFileSync('sh', ['-e', '-c', block('sh')], { cwd: directory, stdio: 'ignore' })
      const source = (file: string): string =>
        JSON.stringify(pathToFileURL(path.join(root, 'src', file)).href)
      // Any free port, so that nothing else is in the way.
      const listening = block('ts broker')
        .replace(':9093', ':0')
        .replace('await broker.listenAs', 'const [endpoint] = await broker.listenAs')
      const program = `
import { readFileSync } from 'node:fs'
import { Broker } from ${source('broker/broker.ts')}
import { connect } from ${source('client/index.ts')}
import { nodePlatform } from ${source('platform/node/platform.ts')}
const platform = nodePlatform()
${listening}
const brokers = ['127.0.0.1:' + endpoint!.port]
const tls = { ca: readFileSync('ca.pem') }
const boss = connect({ brokers, tls, sasl: { mechanism: 'scram-sha-512', username: 'admin', password: 'a long password' } })
const admin = boss.admin()
await admin.createTopics([{ topic: 'orders', partitions: 1 }, { topic: 'secrets', partitions: 1 }])
${block('ts rules')}
${block('ts client').replace("['localhost:9093']", 'brokers')}
const producer = kafka.producer()
const sent = await producer.send({ topic: 'orders', value: 'one' })
const refused = await producer.send({ topic: 'secrets', value: 'two' }).catch((error) => error.context.kafkaName)
console.log(JSON.stringify({ offset: Number(sent.offset), refused }))
await producer.close()
await kafka.close()
await boss.close()
await broker.close()
`
      const file = path.join(directory, 'guide.ts')
      writeFileSync(file, program)
      const out = execFileSync(process.execPath, ['--conditions=millrace-source', file], {
        cwd: directory,
        timeout: 60_000,
        encoding: 'utf8',
      })
      assert.deepEqual(JSON.parse(out), { offset: 0, refused: 'TOPIC_AUTHORIZATION_FAILED' })
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  it('has a configuration that serves, and properties by which commands come in', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'millrace-guide-'))
    const env = { ADMIN_PASSWORD: 'a long password', ALICE_PASSWORD: 'another one' }
    try {
      execFileSync('sh', ['-e', '-c', block('sh')], { cwd: directory, stdio: 'ignore' })
      const file = path.join(directory, 'millrace.config.ts')
      writeFileSync(file, block('ts config').replace(':9093', ':0'))
      const properties = path.join(directory, 'client.properties')
      // Commands of a test run where the repository is.
      const location = `=${path.join(directory, 'ca.pem')}`
      writeFileSync(properties, block('properties client').replace('=ca.pem', location))
      const child = start(['serve', '--config', file, '--data', path.join(directory, 'data')], env)
      let log = ''
      const address = new Promise<string>((resolve, reject) => {
        child.stderr!.on('data', (bytes: Buffer) => {
          log += bytes.toString()
          const [, found] = /"endpoints":\["([^"]+)"\].*"ready"/.exec(log) ?? []
          if (found !== undefined) resolve(found)
        })
        child.once('exit', () => reject(new Error(log)))
      })
      const brokers = await inTime(child, 'the address', address)
      const command = block('sh command').trim().split(' ').slice(1)
      const argv = command.map((word) =>
        word === 'client.properties' ? properties : word === 'localhost:9093' ? brokers : word,
      )
      const outcome = await run(argv, { env })
      assert.deepEqual(outcome, { status: 0, out: '', err: '' })
      const made = await run(['topics', 'create', 'orders', ...argv.slice(2)], { env })
      assert.equal(made.status, 0, made.err)
      const line = /"audit":"topics\.create","user":"User:admin".*"resource":"topic:orders","outcome":"done"/
      await until(nodeClock, () => line.test(log), {
        what: 'the audit line',
        timeoutMs: WAIT_MS,
        intervalMs: 5,
      })
    } finally {
      endChildren()
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
