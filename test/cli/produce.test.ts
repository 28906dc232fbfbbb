/** `millrace produce` against a broker. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Outcome, onTerminal, type RunOptions, run, startCluster, type TestCluster } from './millrace.ts'

let cluster: TestCluster
let topicCount = 0
before(async () => {
  cluster = await startCluster()
})
after(() => cluster.close())

async function newTopic(partitions = 1, ...settings: readonly string[]): Promise<string> {
  const topic = `t${++topicCount}`
  const flags = settings.flatMap((setting) => ['--set', setting])
  await run(['topics', 'create', topic, '-p', String(partitions), ...flags], { env: cluster.env })
  return topic
}

const produce = (argv: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  run(['produce', ...argv], { ...options, env: { ...cluster.env, ...options.env } })

/** What a topic holds: `key=value` per record, `~` for null, in the order of partitions and offsets. */
async function held(topic: string): Promise<string> {
  const { out } = await run(['consume', topic, '-f', '%p %o %k{json}=%v{json} %h\\n'], { env: cluster.env })
  return out
    .split('\n')
    .slice(0, -1)
    .sort()
    .map((line) =>
      line
        .replace(/^\d+ \d+ /, '')
        .replaceAll('null', '~')
        .trim(),
    )
    .join(' | ')
}

describe('lines', () => {
  test('become records, each answered by a row in the order of the input', async () => {
    const topic = await newTopic(4)
    const input = Array.from({ length: 200 }, (_, n) => `k${n % 7}:${n}\n`).join('')
    const { status, out } = await produce([topic, '-K', ':'], { input })
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { topic: string; partition: number; offset: number; line: number })
    assert.equal(status, 0)
    assert.deepEqual(
      rows.map(({ line }) => line),
      Array.from({ length: 200 }, (_, n) => n + 1),
    )
    const { out: stored } = await run(['consume', topic, '-f', '%p %o %v\\n'], { env: cluster.env })
    const places = new Set(stored.split('\n'))
    for (const { line, offset, partition } of rows)
      assert.ok(places.has(`${partition} ${offset} ${line - 1}`))
  })

  for (const [what, flags, input, expected] of [
    ['with CRLF and without a last end', [], 'a\r\nb', '~="a" | ~="b"'],
    ['that are empty are records', [], 'a\n\nb\n', '~="a" | ~="" | ~="b"'],
    ['with -k have all one key', ['-k', 'x'], 'a\nb\n', '"x"="a" | "x"="b"'],
    ['with -K are cut at the first separator', ['-K', '::'], 'a::b::c\n::d\n', '"a"="b::c" | ""="d"'],
    ['with -Z that are empty are null', ['-Z', '-K', ':'], 'a:\n:b\n', '"a"=~ | ~="b"'],
    ['with -H have headers', ['-H', 'a=1', '-H', 'b=x=y'], 'v\n', '~="v" a=1,b=x=y'],
    ['with -p go to that partition', ['-p', '0'], 'v\n', '~="v"'],
    ['of no input at all are none', [], '', ''],
  ] as const) {
    test(what, async () => {
      const topic = await newTopic()
      assert.equal((await produce([topic, ...flags], { input })).status, 0)
      assert.equal(await held(topic), expected)
    })
  }

  test('of a file are read by --file, with bytes that are no text kept', async () => {
    const topic = await newTopic()
    const file = path.join(os.tmpdir(), `millrace-produce-${process.pid}`)
    fs.writeFileSync(file, Buffer.from([0xff, 0xfe, 10, 0xc3, 0x28, 10]))
    const { status, out } = await produce([topic, '--file', file])
    fs.rmSync(file)
    assert.equal(status, 0)
    assert.equal(out.split('\n').length, 3)
    const stored = await run(['consume', topic, '-f', '%v{hex} '], { env: cluster.env })
    assert.equal(stored.out, 'fffe c328 ')
    assert.equal((await produce([topic, '--file', file])).status, 3)
  })
})

describe('on a terminal', () => {
  test('a few records are named one by one', async () => {
    const topic = await newTopic()
    const outcome = await produce([topic], { input: 'a\nb\n', terminal: onTerminal })
    assert.deepEqual(outcome, { status: 0, out: `${topic}/0@0  stored\n${topic}/0@1  stored\n`, err: '' })
  })

  test('many are counted by partition', async () => {
    const topic = await newTopic(2)
    const input = Array.from({ length: 3000 }, (_, n) => `k${2 + (n % 2)}:${n}\n`).join('')
    const { out, err } = await produce([topic, '-K', ':'], { input, terminal: onTerminal })
    const golden = [
      'partition  records  first_offset  last_offset',
      '        0     1500             0         1499',
      '        1     1500             0         1499',
    ]
    assert.equal(out, `${golden.join('\n')}\n`)
    assert.match(err, /^3,000 records stored in [\d.]+ m?s \([\d,]+\/s\)\n$/)
  })

  test('a person who types is told how to end', async () => {
    const topic = await newTopic()
    const outcome = await produce([topic], { input: 'a\n', terminal: onTerminal, typing: true })
    assert.deepEqual(outcome, {
      status: 0,
      out: `${topic}/0@0  stored\n`,
      err: `each line is a record for topic "${topic}"; Ctrl-D ends\n`,
    })
  })
})

describe('lines that cannot be stored', () => {
  test('are named, the others are stored, and the status is 7', async () => {
    const topic = await newTopic()
    const { status, out, err } = await produce([topic, '-K', '='], { input: 'a=1\nb\nc\nd=2\ne\n' })
    assert.deepEqual([status, out.trim().split('\n').length], [7, 2])
    assert.equal(
      err,
      'error 3 of 5 records not stored (lines 2-3, 5): the line has no "=" between key and value\n' +
        '  at stdin:2\n  Write key, separator, value; --key-separator says which separator.\n  MR_RECORD_INVALID\n',
    )
    assert.equal(await held(topic), '"a"=1 | "d"=2')
  })

  test('do not end the reading of a long input', async () => {
    const topic = await newTopic()
    const input = `bad\n${'k=v\n'.repeat(50_000)}`
    const file = path.join(os.tmpdir(), `millrace-bad-line-${process.pid}`)
    fs.writeFileSync(file, input)
    const { status, err } = await produce([topic, '-K', '=', '--file', file])
    fs.rmSync(file)
    assert.equal(status, 7)
    assert.match(err, /^error 1 of 50,001 records not stored \(line 1\): /)
  })

  test('because they are too large, too', async () => {
    const topic = await newTopic()
    const { status, err } = await produce([topic], { input: `a\n${'x'.repeat(2_000_000)}\nb\n` })
    assert.equal(status, 7)
    assert.match(err, /^error 1 of 3 records not stored \(line 2\): /)
    assert.equal(await held(topic), '~="a" | ~="b"')
  })

  test('because the broker refuses them, too: a compacted topic takes no record without a key', async () => {
    const topic = await newTopic(1, 'cleanup.policy=compact')
    const { status, err } = await produce([topic], { input: 'a\n' })
    assert.equal(status, 7)
    assert.match(err, /a record of a compacted topic needs a key/)
  })

  test('are in the context of the error with --json', async () => {
    const topic = await newTopic()
    const { err } = await produce([topic, '-K', '=', '--json'], { input: 'a=1\nb\n' })
    const { error } = JSON.parse(err)
    assert.equal(error.code, 'MR_RECORD_INVALID')
    assert.deepEqual(error.context, { stored: 1, failed: 1, lines: '2' })
  })
})

test('--dry-run reads and checks all lines and stores none', async () => {
  const topic = await newTopic()
  const { status, out, err } = await produce([topic, '--dry-run', '-K', '=', '-p', '0'], {
    input: 'a=1\nb\nc=2\n',
  })
  assert.equal(status, 7)
  assert.equal(
    out,
    [1, 3].map((line) => `{"topic":"${topic}","partition":0,"offset":null,"line":${line}}\n`).join(''),
  )
  assert.match(err, /^2 records would be written; nothing was\nerror 1 of 3 records not stored \(line 2\)/)
  assert.equal(await held(topic), '')
  const shown = await produce([topic, '--dry-run'], { input: 'a\n', terminal: onTerminal })
  assert.equal(shown.out, `${topic}  would be stored\n`)
})

describe('wrong usage', () => {
  for (const flags of [
    ['-k', 'a', '-K', ':'],
    ['-K', ''],
    ['-H', 'no-value'],
    ['-H', '=v'],
    ['-p', 'x'],
    ['-p', '3'],
  ]) {
    test(`${flags.join(' ')} ends with status 2, and nothing is stored`, async () => {
      const topic = await newTopic()
      assert.equal((await produce([topic, ...flags], { input: 'a\n' })).status, 2)
      assert.equal(await held(topic), '')
    })
  }

  test('a topic that does not exist is not made', async () => {
    const { status, err } = await produce(['no-such-topic'], { input: 'a\n' })
    assert.equal(status, 3)
    assert.match(err, /Create it with `millrace topics create no-such-topic`/)
  })
})
