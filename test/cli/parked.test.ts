/** What a bounded run says of keys that it leaves parked. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { onTerminal, type RunOptions, run, startCluster, type TestCluster } from './millrace.ts'

const config = path.join(import.meta.dirname, '../../src/server/instance/parked-config-fixture.ts')

let cluster: TestCluster
let directory: string
before(async () => {
  cluster = await startCluster()
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-parked-'))
  await cluster.createTopic('in', 2)
})
after(async () => {
  await cluster.close()
  fs.rmSync(directory, { recursive: true })
})

const once = (command: string, options: RunOptions = {}) =>
  run([command, config, '--once', '--data', directory, '--console-port', '0'], {
    env: cluster.env,
    ...options,
  })
const produce = (key: string | null, id: string, worksAt = 1) =>
  cluster.produce({ topic: 'in', key, value: JSON.stringify({ id, worksAt }) })

describe('a bounded run', () => {
  test('says nothing of parked keys when there are none', async () => {
    await produce('zoe', 'zoe 1')
    const { status, err } = await once('dev', { terminal: onTerminal })
    assert.equal(status, 0, err)
    assert.doesNotMatch(err, /left parked/)
  })

  test('names the keys that it leaves parked, how many records wait, and what can be done', async () => {
    for (const key of ['ann', 'bob']) {
      await produce(key, `${key} 1`, 99)
      await produce(key, `${key} 2`)
    }
    await produce(null, 'none 1', 99)
    const { status, err } = await once('dev', { terminal: onTerminal })
    assert.equal(status, 0, err)
    assert.match(err, /! {2}3 keys left parked\n/)
    const [, names] = /jobs, worked: 3 keys with 5 records: (.*?) {3}\w+ 1 is not ready\n/.exec(err) ?? []
    assert.deepEqual(names?.match(/"\w+"|\(no key\)/g)?.toSorted(), ['"ann"', '"bob"', '(no key)'])
    assert.match(err, /millrace parked retry OPERATOR KEY/)
  })

  test('says it again in the log of the next run, as long as they wait', async () => {
    const { status, err } = await once('run')
    assert.equal(status, 0, err)
    const warnings = err
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'keys are left parked')
    assert.deepEqual(
      warnings.map(({ level, pipeline, operator, keys, records }) => [
        level,
        pipeline,
        operator,
        keys,
        records,
      ]),
      [['warn', 'jobs', 'worked', 3, 5]],
    )
  })
})
