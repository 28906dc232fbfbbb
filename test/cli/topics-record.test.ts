/** `millrace topics record` against a broker, and the replay of what it wrote. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { count, json, pipeline } from 'millrace'
import { connect } from 'millrace/kafka'
import { loadFixture, recordFixture, testDriver } from 'millrace/testing'
import { type Outcome, run, startCluster, type TestCluster } from './millrace.ts'

const startMs = Date.parse('2026-11-22T10:00:00Z')
let cluster: TestCluster
let directory: string
before(async () => {
  cluster = await startCluster()
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-record-'))
  await cluster.createTopic('clicks', 2)
  await cluster.produce(
    ...Array.from({ length: 6 }, (_, n) => ({
      topic: 'clicks',
      partition: n % 2,
      key: n % 3 === 0 ? 'home' : 'cart',
      value: n === 5 ? null : JSON.stringify({ n }),
      timestampMs: startMs + n * 60_000,
      headers: n === 4 ? [{ key: 'from', value: Buffer.from('test') }] : [],
    })),
  )
})
after(async () => {
  await cluster.close()
  fs.rmSync(directory, { recursive: true })
})

const record = (...argv: readonly string[]): Promise<Outcome> =>
  run(['topics', 'record', 'clicks', ...argv], { env: cluster.env })
const inDirectory = (name: string): string => path.join(directory, name)
const minutes = (file: string): readonly number[] =>
  loadFixture(file).map(({ timestampMs }) => (timestampMs - startMs) / 60_000)

describe('topics record', () => {
  test('writes a line per record, in the order of their times', async () => {
    const file = inDirectory('all.jsonl')
    assert.deepEqual(await record('--to', file), {
      status: 0,
      out: `${JSON.stringify({ topic: 'clicks', file, records: 6 })}\n`,
      err: '',
    })
    const lines = fs.readFileSync(file, 'utf8').split('\n')
    assert.equal(
      lines[0],
      `{"topic":"clicks","partition":0,"offset":0,"timestampMs":${startMs},"key":"home","value":{"n":0}}`,
    )
    assert.match(lines[4]!, /"offset":2,.*"headers":\[\["from","test"\]\]\}$/)
    assert.match(lines[5]!, /"partition":1,"offset":2,.*"value":null\}$/)
    assert.deepEqual(minutes(file), [0, 1, 2, 3, 4, 5])
  })

  test('takes a slice: positions, partitions and a count', async () => {
    const file = inDirectory('slice.jsonl')
    await record('--to', file, '--from', '@2026-11-22T10:01Z:@2026-11-22T10:05Z')
    assert.deepEqual(minutes(file), [1, 2, 3, 4])
    await record('--to', file, '--yes', '--partition', '1', '--from', '-2')
    assert.deepEqual(minutes(file), [3, 5])
    const few = await record('--to', file, '--yes', '--count', '3')
    assert.equal(few.err, 'there are more; --count 6 takes them all\n')
    assert.deepEqual(minutes(file), [0, 1, 2])
  })

  test('does not write over a file, and needs one', async () => {
    const file = inDirectory('kept.jsonl')
    fs.writeFileSync(file, 'mine')
    const taken = await record('--to', file)
    assert.equal(taken.status, 2)
    assert.match(taken.err, /the file is there already/)
    assert.equal(fs.readFileSync(file, 'utf8'), 'mine')
    const none = await record()
    assert.equal(none.status, 2)
    assert.match(none.err, /--to clicks\.fixture\.jsonl/)
    const unknown = await run(['topics', 'record', 'clicsk', '--to', inDirectory('x')], { env: cluster.env })
    assert.deepEqual([unknown.status, fs.existsSync(inDirectory('x'))], [3, false])
  })

  test('makes what a test driver replays, also without the command', async () => {
    const file = inDirectory('replayed.jsonl')
    await record('--to', file)
    const kafka = connect({ brokers: [cluster.address] })
    try {
      assert.deepEqual(await recordFixture(kafka, { topic: 'clicks' }), loadFixture(file))
    } finally {
      await kafka.close()
    }
    const app = pipeline('clicks')
    app.stream('clicks', json<{ n: number }>()).groupByKey().aggregate({ clicks: count() }).to('counts')
    const driver = testDriver(app)
    await driver.replay(loadFixture(file).filter(({ value }) => value !== null))
    assert.equal(driver.nowMs, startMs + 4 * 60_000)
    const last = driver.topic('counts').read<{ clicks: number }>().slice(-2)
    assert.deepEqual(
      last.map(({ value }) => value.clicks),
      [2, 3],
    )
  })
})
