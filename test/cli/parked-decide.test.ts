/** `millrace parked …` against a Millrace that runs on this machine. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect } from '../../src/client/index.ts'
import { until } from '../../src/platform/clock.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { nodeThreads } from '../../src/platform/node/threads.ts'
import config from '../../src/server/instance/parked-config-fixture.ts'
import { type RunningMillrace, startOn } from '../../src/server/instance/start.ts'
import { recordFixture } from '../../src/testing/fixture/record-fixture.ts'
import { type Outcome, onTerminal, type RunOptions, run } from './millrace.ts'

let directory: string
let running: RunningMillrace | undefined
before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-parked-'))
  const ports = { brokerPort: 0, consolePort: 0 }
  const machine = { platform: nodePlatform(), threads: nodeThreads }
  running = await startOn(machine, config, { dataDirectory: directory, ...ports })
  const kafka = connect({ brokers: running.brokers })
  const producer = kafka.producer()
  for (const [key, id] of [
    ['ann', 'ann 1'],
    ['ann', 'ann 2'],
    ['bob', 'bob 1'],
    ['c d', 'c d 1'],
    ['12', '12 1'],
    [null, 'none 1'],
    [null, 'none 2'],
  ] as const)
    await producer.send({ topic: 'in', key, value: JSON.stringify({ id, worksAt: id === 'ann 2' ? 1 : 3 }) })
  await kafka.close()
  const all = async (): Promise<boolean> => {
    const listed = await running!.parked().catch(() => undefined)
    return listed?.total === 6 && listed.keys.some(({ records }) => records === 2)
  }
  await until(nodeClock, all, { what: 'parked keys', timeoutMs: 90_000, intervalMs: 20 })
})
after(async () => {
  await running?.stop()
  fs.rmSync(directory, { recursive: true, force: true })
})

const parked = (argv: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  run(['parked', ...argv, '--console-port', new URL(running!.url).port], options)
// biome-ignore lint/suspicious/noExplicitAny: what is wrong in it fails the assertion
const linesOf = (text: string): any[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
const listed = async (): Promise<unknown[]> =>
  linesOf((await parked(['list'])).out)
    .map(({ key }) => key)
    .toSorted()

describe('millrace parked', () => {
  test('lists keys with what has failed and how many wait', async () => {
    const { status, out } = await parked(['list', '--pipeline', 'jobs'])
    assert.equal(status, 0)
    const ann = linesOf(out).find(({ key }) => key === 'ann')
    const { partition: _, offset: __, ...facts } = ann
    assert.deepEqual(facts, {
      pipeline: 'jobs',
      operator: 'worked',
      key: 'ann',
      records: 2,
      attempts: 2,
      error: 'ann 1 is not ready',
      topic: 'in',
    })
    const few = await parked(['list', '--limit', '2'], { terminal: onTerminal })
    assert.match(few.out, /^pipeline +operator +key/)
    assert.equal(few.err, 'there are more: 6 in all; --limit takes up to 10000\n')
    const none = await parked(['list', '--pipeline', 'copies'], { terminal: onTerminal })
    assert.deepEqual([none.out, none.err], ['', 'no parked keys\n'])
  })

  test('changes nothing with --dry-run, and asks before a record is lost', async () => {
    const dry = await parked(['skip', 'worked', 'ann', '--without-key', '--dry-run'])
    assert.deepEqual(
      [dry.status, linesOf(dry.out).map(({ key, records }) => [key, records]), dry.err],
      [
        0,
        [
          ['ann', 1],
          [null, 2],
        ],
        'nothing was decided\n',
      ],
    )
    const unanswered = await parked(['skip', 'worked', 'ann'])
    assert.deepEqual([unanswered.status, unanswered.out], [2, ''])
    const refused = await parked(['skip', 'worked', 'ann'], {
      terminal: onTerminal,
      typing: true,
      input: 'bob\n',
    })
    assert.match(refused.err, /skip the failing record of key ann in "worked"\? Type ann to confirm: /)
    assert.equal((await listed()).length, 6)
  })

  test('decides about keys, also those that have spaces, look like numbers or are none', async () => {
    const retried = await parked(['retry', 'worked', 'ann', 'c d', '12'])
    assert.equal(retried.status, 0, retried.err)
    assert.deepEqual(
      linesOf(retried.out).map((row) => row),
      ['ann', 'c d', '12'].map((key) => ({ operator: 'worked', key, decision: 'retry', records: 1 })),
    )
    const left = async (): Promise<boolean> => (await running!.parked()).total === 3
    await until(nodeClock, left, { what: 'the third attempts', timeoutMs: 90_000, intervalMs: 20 })
    const skipped = await parked(['skip', 'worked', '--without-key', '--yes'])
    assert.deepEqual(linesOf(skipped.out), [{ operator: 'worked', key: null, decision: 'skip', records: 2 }])
    const letter = await parked(['dead-letter', 'worked', 'bob', '--pipeline', 'jobs'])
    assert.equal(letter.status, 0, letter.err)
    const kafka = connect({ brokers: running!.brokers })
    try {
      const letters = await recordFixture(kafka, { topic: 'jobs-dead-letters' })
      assert.deepEqual(
        letters.map(({ key }) => String(key)),
        ['bob'],
      )
    } finally {
      await kafka.close()
    }
    assert.equal((await parked(['list'])).out, '')
  })

  test('says what is wrong by name and status', async () => {
    const wrong = async (...argv: readonly string[]): Promise<unknown[]> => {
      const { status, err } = await parked(argv)
      return [status, /MR_\w+/.exec(err)?.[0]]
    }
    assert.deepEqual(await wrong('retry', 'worked'), [2, 'MR_USAGE'])
    assert.deepEqual(await wrong('retry', 'worked', 'zoe'), [3, 'MR_KEY_NOT_PARKED'])
    assert.deepEqual(await wrong('retry', 'worked', 'zoe', '--dry-run'), [3, 'MR_KEY_NOT_PARKED'])
    assert.deepEqual(await wrong('retry', 'wroked', 'ann'), [3, 'MR_OPERATOR_UNKNOWN'])
    assert.deepEqual(await wrong('list', '--pipeline', 'job'), [3, 'MR_PIPELINE_UNKNOWN'])
    const nobody = await run(['parked', 'list', '--console-port', '1'])
    assert.equal(nobody.status, 5)
    assert.match(nobody.err, /no Millrace answers at 127\.0\.0\.1:1\n/)
    const port = running!.brokers[0]!.split(':')[1]!
    const broker = await run(['parked', 'list', '--console-port', port, '--timeout', '2s'])
    assert.ok([5, 124].includes(broker.status), broker.err)
  })
})
