/** The examples of docs/guide/client.md, run as they stand there against our broker. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { root } from '../../scripts/repository.ts'
import { openTarget } from '../clients/target.ts'

const guide = readFileSync(path.join(root, 'docs/guide/client.md'), 'utf8')

/** The code behind an info string, such as `ts write`. */
function block(name: string): string {
  const found = guide.split('```').find((part) => part.startsWith(`ts ${name}\n`))
  assert.ok(found !== undefined, `the guide has no block "ts ${name}"`)
  return found.slice(name.length + 4)
}

test('the guide to the client has examples that run', { timeout: 120_000 }, async () => {
  const target = await openTarget()
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-guide-'))
  try {
    const source = (file: string): string => JSON.stringify(pathToFileURL(path.join(root, 'src', file)).href)
    const program = `
import assert from 'node:assert/strict'
import { connect, isMillraceError, recordsOf } from ${source('client/index.ts')}
const before = connect({ brokers: ['${target.brokers}'] })
await before.admin().createTopics(['departed', 'boarded', 'closed'].map((topic) => ({ topic, partitions: 2 })))
for (const key of ['LH-401', 'LH-402']) await before.producer().send({ topic: 'departed', key, value: 'B13' })
await before.close()
const board = new Map<string, string>()
${block('write').replace('localhost:9092', target.brokers)}
assert.equal(offset >= 0 && partition >= 0, true)
${block('writeMany')}
assert.equal(written.filter(({ topic, offset }) => topic === 'boarded' && offset >= 0).length, 3)
${block('read')}
assert.deepEqual([...board.keys()].sort(), ['LH-400', 'LH-401', 'LH-402'])
assert.equal(board.get('LH-400'), '{"gate":"B12"}')
await before.close()
${block('transaction')}
const reader = kafka.consumer()
reader.assign([0, 1].map((partition) => ({ topic: 'closed', partition, offset: 'earliest' as const })))
for await (const record of reader.records()) {
  assert.equal(String(record.value), 'B12')
  break
}
await reader.close()
${block('admin')}
assert.equal(ends.get('departed/0')!.offset + (await admin.listOffsets([{ topic: 'departed', partition: 1 }], { at: 'latest' })).get('departed/1')!.offset, 3)
assert.ok(positions.size > 0)
${block('failure')}
await admin.deleteGroups(['board'])
${block('group').replace(", groupInstanceId: 'screen-1'", '')}
while (member.assignment().length < 2) await member.poll({ maxWaitMs: 50 })
${block('close')}
`
    const file = path.join(directory, 'guide.ts')
    writeFileSync(file, program)
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=millrace-source', file], {
      cwd: directory,
      timeout: 90_000,
    })
    const lines = stdout.trim().split('\n')
    assert.match(lines[0]!, /^MESSAGE_TOO_LARGE at departed\/\d, broker /)
    assert.match(lines[1]!, /max\.message\.bytes/)
    assert.match(lines[2]!, /^mine now/)
  } finally {
    rmSync(directory, { recursive: true, force: true })
    await target.close()
  }
})
