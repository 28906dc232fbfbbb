/** The examples of docs/guide/security.md, run as they stand there. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { root } from '../../scripts/repository.ts'

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
})
