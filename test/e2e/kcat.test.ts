/** Another people's client against the running demo: kcat 1.7 with no option but the broker's address. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { until } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { type FlightsProcess, interrupt, resultTables, startFlights, untilReady } from './flights.ts'
import { type KcatOutcome, kcat, skipWithoutKcat } from './kcat.ts'

const { clock } = nodePlatform()
const directory = mkdtempSync(join(tmpdir(), 'millrace-kcat-'))
let demo: FlightsProcess | undefined
let broker = ''

/** What kcat wrote on its standard output; it must have ended well. */
async function ok(parameters: readonly string[], input?: string | Uint8Array): Promise<string> {
  const { status, out, err } = await kcat(broker, parameters, input)
  assert.equal(status, 0, `kcat ${parameters.join(' ')} ended with ${status}:\n${err}`)
  return out.toString()
}

const linesOf = (text: string): string[] => text.split('\n').slice(0, -1)

describe('kcat 1.7 and the running demo', { skip: skipWithoutKcat }, () => {
  before(async () => {
    demo = startFlights(directory, ['--speed', '200000', '--partitions', '2'])
    broker = (await untilReady(demo)).broker
  })
  after(async () => {
    try {
      if (demo !== undefined) assert.equal(await interrupt(demo), 130, demo.output())
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  it('lists the broker and the topics with their partitions', async () => {
    const listed = await ok(['-L'])
    assert.match(listed, new RegExp(`broker 1 at ${broker.replaceAll('.', '\\.')}`))
    for (const topic of ['departed', 'arrived', 'cancelled', 'weather', 'planes', ...resultTables]) {
      assert.match(listed, new RegExp(`topic "${topic}" with 2 partitions:`), listed)
    }
    const one = await ok(['-L', '-t', 'departed'])
    assert.match(one, /topic "departed" with 2 partitions:\n +partition 0, leader 1, replicas: 1, isrs: 1\n/)
    assert.doesNotMatch(one, /"arrived"/)
  })

  it('reads rows of JSON from a result topic', async () => {
    const read = async (): Promise<string[]> =>
      linesOf(await ok(['-C', '-t', 'delays-by-hour', '-o', 'beginning', '-e', '-q']))
    await until(clock, async () => (await read()).length >= 10, {
      what: 'ten hours with their delays',
      timeoutMs: 20_000,
      intervalMs: 200,
    })
    const rows = linesOf(await ok(['-C', '-t', 'delays-by-hour', '-o', 'beginning', '-c', '10', '-q'])).map(
      (line) => JSON.parse(line) as Record<string, unknown>,
    )
    assert.equal(rows.length, 10)
    for (const row of rows) {
      assert.match(String(row['origin']), /^(EWR|JFK|LGA)$/)
      assert.ok(Number.isInteger(row['departures']) && (row['departures'] as number) > 0, JSON.stringify(row))
      assert.equal(typeof row['meanDelayMinutes'], 'number')
    }
    // kcat's own envelope holds the same.
    const envelope = JSON.parse(
      linesOf(await ok(['-C', '-t', 'delays-by-hour', '-o', 'beginning', '-c', '1', '-q', '-J']))[0]!,
    ) as { topic: string; offset: number; tstype: string; payload: string }
    assert.deepEqual([envelope.topic, envelope.tstype], ['delays-by-hour', 'create'])
    assert.equal(typeof (JSON.parse(envelope.payload) as Record<string, unknown>)['carrier'], 'string')
  })

  it('formats each record with its topic, partition, offset, key and value', async () => {
    const text = await ok([
      '-C',
      '-t',
      'departed',
      '-p',
      '0',
      '-o',
      'beginning',
      '-c',
      '5',
      '-q',
      '-f',
      '%t %p %o %T %k %S\\n',
    ])
    const lines = linesOf(text)
    assert.equal(lines.length, 5)
    const offsets = lines.map((line) => {
      const match = /^departed 0 (\d+) (\d{13}) (EWR|JFK|LGA)\|\w\w (\d+)$/.exec(line)
      assert.ok(match !== null, line)
      assert.ok(Number(match[4]) > 50, line)
      return Number(match[1])
    })
    assert.ok(
      offsets.every((offset, at) => at === 0 || offset > offsets[at - 1]!),
      `${offsets}`,
    )
  })

  it('writes to a topic that is there, and reads it back byte for byte', async () => {
    await ok(['-P', '-t', 'cancelled', '-p', '1', '-k', 'from kcat'], 'not of an airline')
    // The agent writes to the same topic meanwhile.
    const back = await ok([
      '-C',
      '-t',
      'cancelled',
      '-p',
      '1',
      '-o',
      'beginning',
      '-e',
      '-q',
      '-f',
      '%k=%s\\n',
    ])
    assert.ok(linesOf(back).includes('from kcat=not of an airline'), back)
  })

  it('makes a topic by writing to it, with keys, and reads it back byte for byte', async () => {
    const records = [
      ['k1', 'plain'],
      ['k2', 'ünïcode ✈ 東京'],
      ['', 'without a key'],
      ['k1', `a long value ${'x'.repeat(20_000)}`],
      ['k3', '{"json":true,"tab":"\\t"}'],
    ] as const
    const input = records.map(([key, value]) => `${key}:${value}\n`).join('')
    await ok(['-P', '-t', 'made-by-kcat', '-K', ':', '-Z'], input)
    assert.match(await ok(['-L', '-t', 'made-by-kcat']), /topic "made-by-kcat" with 1 partitions/)
    const back = await ok(['-C', '-t', 'made-by-kcat', '-o', 'beginning', '-e', '-q', '-K', ':'])
    assert.equal(back, input)
    const counted = await ok(['-C', '-t', 'made-by-kcat', '-o', 'beginning', '-e', '-q', '-f', '%o %K %S\\n'])
    const lengths = records.map(
      ([key, value], offset) =>
        `${offset} ${key === '' ? -1 : Buffer.byteLength(key)} ${Buffer.byteLength(value)}`,
    )
    assert.deepEqual(linesOf(counted), lengths)
  })

  it('keeps bytes that are no text, whatever the compression', async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, at) => (at * at + (at >> 3)) & 0xff))
    const file = join(directory, 'bytes')
    writeFileSync(file, bytes)
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      // A file named as a parameter is one record.
      await ok(['-P', '-t', `bytes-${codec}`, '-z', codec, file])
      const { status, out } = await kcat(broker, [
        '-C',
        '-t',
        `bytes-${codec}`,
        '-o',
        'beginning',
        '-c',
        '1',
        '-q',
        '-D',
        '',
      ])
      assert.equal(status, 0)
      assert.ok(out.equals(bytes), `${codec}: ${out.length} bytes came back`)
    }
  })

  it('reads from an offset, from the end, and a number of records', async () => {
    await ok(['-P', '-t', 'places'], Array.from({ length: 10 }, (_, at) => `value ${at}\n`).join(''))
    const read = async (from: string): Promise<string[]> =>
      linesOf(await ok(['-C', '-t', 'places', '-p', '0', '-o', from, '-e', '-q']))
    assert.deepEqual(await read('7'), ['value 7', 'value 8', 'value 9'])
    assert.deepEqual(await read('-2'), ['value 8', 'value 9'])
    assert.deepEqual(await read('end'), [])
  })

  it('reads as a member of a group, goes on where the group stopped, and reads nothing twice', async () => {
    const values = Array.from({ length: 20 }, (_, at) => `value ${at}`)
    await ok(['-P', '-t', 'grouped'], `${values.slice(0, 12).join('\n')}\n`)
    const member = (...where: string[]): Promise<KcatOutcome> =>
      kcat(broker, ['-G', 'kcat-readers', ...where, '-e', 'grouped'])
    // kcat goes to where -o says at each start, and from the group's offsets on only without it.
    const first = await member('-o', 'beginning')
    assert.equal(first.status, 0, first.err)
    assert.match(first.err, /Group kcat-readers rebalanced .*assigned: grouped \[0\]/)
    assert.deepEqual(linesOf(first.out.toString()), values.slice(0, 12))
    await ok(['-P', '-t', 'grouped'], `${values.slice(12).join('\n')}\n`)
    const second = await member()
    assert.deepEqual(linesOf(second.out.toString()), values.slice(12))
    const third = await member()
    assert.deepEqual([third.status, third.out.length], [0, 0], third.err)
  })

  it('is told that a topic does not exist when it only reads', async () => {
    const { status, err } = await kcat(broker, ['-C', '-t', 'nowhere', '-o', 'beginning', '-e', '-q'])
    assert.equal(status, 1, err)
    assert.match(err, /nowhere.*Unknown topic or partition|Unknown topic/i)
  })
})
