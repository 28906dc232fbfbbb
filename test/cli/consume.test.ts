/** `millrace consume` against a broker: what is read, and what of it is printed. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { type ConsumeRequest, Patience } from '../../src/cli/consume-request.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { createConsumer } from '../../src/client/consumer/consumer.ts'
import { createProducer } from '../../src/client/producer/producer.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { simulatedPlatform } from '../../src/platform/simulated/platform.ts'
import { type Outcome, onTerminal, type RunOptions, run, startCluster, type TestCluster } from './millrace.ts'

const startMs = Date.parse('2026-11-22T10:00:00Z')
const esc = '\u001b'

let cluster: TestCluster
before(async () => {
  cluster = await startCluster()
})
after(() => cluster.close())

const consume = (argv: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  run(['consume', ...argv], { ...options, env: { ...cluster.env, ...options.env } })
const lines = ({ out }: Outcome): readonly string[] => out.split('\n').slice(0, -1)

/** A topic of one partition with the values `0`, `1`, … one minute apart. */
async function numbered(topic: string, count: number, partitions = 1): Promise<void> {
  await cluster.createTopic(topic, partitions)
  await cluster.produce(
    ...Array.from({ length: count }, (_, n) => ({
      topic,
      partition: n % partitions,
      value: String(n),
      timestampMs: startMs + n * 60_000,
    })),
  )
}

describe('offsets', () => {
  before(() => numbered('minutes', 10))

  for (const [flags, values] of [
    ['', '0 1 2 3 4 5 6 7 8 9'],
    ['-o start -n 3', '0 1 2'],
    ['-o end', ''],
    ['-o 7', '7 8 9'],
    ['-o +8', '8 9'],
    ['-o -3', '7 8 9'],
    ['-o 2:5', '2 3 4'],
    ['-o :2', '0 1'],
    ['-o -2:end', '8 9'],
    ['-o @2026-11-22T10:06Z', '6 7 8 9'],
    ['-o @2026-11-22T10:06:30Z', '7 8 9'],
    [`-o @${startMs + 9 * 60_000}`, '9'],
    ['-o @2027-01-01', ''],
    ['-o @2026-11-22T10:02Z:@2026-11-22T10:04Z', '2 3'],
    ['-o 4700', ''],
    ['--since 99999d', '0 1 2 3 4 5 6 7 8 9'],
  ] as const) {
    test(`\`${flags}\` reads [${values}]`, async () => {
      const words = flags.split(' ').filter((word) => word !== '')
      const { status, out } = await consume(['minutes', '-f', '%v ', ...words])
      assert.deepEqual([status, out.trim()], [0, values])
    })
  }

  test('of several partitions and topics count for each by itself', async () => {
    await numbered('spread', 10, 3)
    const spread = await consume(['spread', 'minutes', '-o', '-1', '-f', '%t/%p@%o '])
    assert.equal(
      spread.out.trim().split(' ').sort().join(' '),
      'minutes/0@9 spread/0@3 spread/1@2 spread/2@2',
    )
    const one = await consume(['spread', '-p', '2', '-f', '%v '])
    assert.equal(one.out, '2 5 8 ')
    const two = await consume(['spread', '-p', '2', '-p', '0', '-f', '%p'])
    assert.equal([...two.out].sort().join(''), '0000222')
  })

  test('where nothing is to be read, a person is told', async () => {
    assert.deepEqual(await consume(['minutes', '-o', 'end'], { terminal: onTerminal }), {
      status: 0,
      out: '',
      err: 'no records\n',
    })
    assert.equal((await consume(['minutes', '-o', 'end', '-q'], { terminal: onTerminal })).err, '')
  })
})

describe('transactions', () => {
  test('what is not committed is read with --uncommitted only, and its end is reached', async () => {
    await cluster.createTopic('decided')
    const client = new Cluster({ platform: nodePlatform(), brokers: [cluster.address] })
    const producer = createProducer(client, { transactionalId: 'cli-test' })
    await producer.init()
    for (const [value, end] of [
      ['kept', 'commit'],
      ['dropped', 'abort'],
    ] as const) {
      producer.begin()
      await producer.send({ topic: 'decided', value })
      await producer[end]()
    }
    assert.equal((await consume(['decided', '-f', '%v '])).out, 'kept ')
    assert.equal((await consume(['decided', '-f', '%v ', '--uncommitted'])).out, 'kept dropped ')
    producer.begin()
    await producer.send({ topic: 'decided', value: 'open' })
    assert.equal((await consume(['decided', '-f', '%v '])).out, 'kept ')
    await producer.abort()
    await producer.close()
    await client.close()
  })
})

describe('what is printed', () => {
  before(async () => {
    await cluster.createTopic('mixed')
    const header = (key: string, value: string | Buffer | null) => ({
      key,
      value: value === null ? null : Buffer.from(value),
    })
    const records = [
      { key: 'LH-400', value: '{"gate": "B12",\n  "seats": 12345678901234567890}' },
      { key: null, value: 'plain text' },
      { key: 'LH-400', value: null },
      { key: '', value: '' },
      { key: Buffer.from([0xff, 0]), value: Buffer.from([0xc3, 0x28]) },
      {
        key: 'k',
        value: '1e400',
        headers: [header('a', '1'), header('b', Buffer.from([0xff])), header('a', null)],
      },
      {
        key: 'own',
        value: 'x',
        headers: [header('mr-id', '1'), header('traceparent', '00-ab'), header('city', 'Köln')],
      },
    ]
    for (const [n, record] of records.entries()) {
      await cluster.produce({ topic: 'mixed', timestampMs: startMs + n, ...record })
    }
  })

  test('on a terminal: place, time, key, value and headers of other people', async () => {
    const golden = [
      'mixed/0@0  2026-11-22T10:00:00.000Z  LH-400  {"gate": "B12","seats": 12345678901234567890}',
      'mixed/0@1  2026-11-22T10:00:00.001Z          plain text',
      'mixed/0@2  2026-11-22T10:00:00.002Z  LH-400  (no value)',
      'mixed/0@3  2026-11-22T10:00:00.003Z',
      'mixed/0@4  2026-11-22T10:00:00.004Z  base64:/wA=  base64:wyg=',
      'mixed/0@5  2026-11-22T10:00:00.005Z  k            1e400  a=1  b=base64:/w==  a=',
      'mixed/0@6  2026-11-22T10:00:00.006Z  own          x  city=Köln',
    ]
    assert.deepEqual(lines(await consume(['mixed'], { terminal: onTerminal })), golden)
    const verbose = await consume(['mixed', '-v', '-o', '-1'], { terminal: onTerminal })
    assert.match(verbose.out, /mr-id=1 {2}traceparent=00-ab {2}city=Köln\n$/)
  })

  test('on a terminal with colours: places and times dimmed, unless --no-color', async () => {
    const terminal = { ...onTerminal, colorDepth: 8 } as const
    const colored = await consume(['mixed', '-n', '1'], { terminal })
    assert.ok(colored.out.startsWith(`${esc}[2mmixed/0@0${esc}[0m  ${esc}[2m2026`))
    const plain = await consume(['mixed', '-n', '1', '--no-color'], { terminal })
    assert.equal(plain.out.includes(esc), false)
  })

  test('elsewhere: JSON Lines with every digit, and base64 for what is no UTF-8', async () => {
    const place = (offset: number) =>
      `{"topic":"mixed","partition":0,"offset":${offset},"timestamp":"2026-11-22T10:00:00.00${offset}Z"`
    const golden = [
      `${place(0)},"key":"LH-400","value":{"gate": "B12","seats": 12345678901234567890},"headers":{}}`,
      `${place(1)},"key":null,"value":"plain text","headers":{}}`,
      `${place(2)},"key":"LH-400","value":null,"headers":{}}`,
      `${place(3)},"key":"","value":"","headers":{}}`,
      `${place(4)},"key":"/wA=","value":"wyg=","headers":{},"base64":["key","value"]}`,
      `${place(5)},"key":"k","value":1e400,"headers":{"a":["1",null],"b":"/w=="},"base64":["headers.b"]}`,
      `${place(6)},"key":"own","value":"x","headers":{"mr-id":"1","traceparent":"00-ab","city":"Köln"}}`,
    ]
    const printed = lines(await consume(['mixed']))
    assert.deepEqual(printed, golden)
    for (const line of printed) JSON.parse(line)
    assert.deepEqual(lines(await consume(['mixed', '--json'], { terminal: onTerminal })), golden)
  })

  test("-J is kcat's envelope", async () => {
    const { out } = await consume(['mixed', '-J', '-o', '5:6'])
    assert.deepEqual(JSON.parse(out), {
      topic: 'mixed',
      partition: 0,
      offset: 5,
      tstype: 'create',
      ts: startMs + 5,
      broker: 1,
      headers: ['a', '1', 'b', '/w==', 'a', null],
      key: 'k',
      payload: '1e400',
      base64: ['headers.b'],
    })
  })

  test('-J is byte for byte what kcat prints', { skip: kcat() }, async () => {
    await cluster.createTopic('kcat')
    const header = { key: 'h', value: Buffer.from('Köln "q"') }
    await cluster.produce({
      topic: 'kcat',
      key: 'k',
      value: '{"a": 1}',
      headers: [header, { key: 'e', value: Buffer.alloc(0) }],
    })
    await cluster.produce(
      { topic: 'kcat', key: '', value: '\u0001\t\\' },
      { topic: 'kcat', key: null, value: null },
    )
    const argv = ['-C', '-b', cluster.address, '-t', 'kcat', '-o', 'beginning', '-e', '-q', '-J']
    const { stdout } = await promisify(execFile)('kcat', argv)
    assert.equal((await consume(['kcat', '-J'])).out, stdout)
    assert.equal(stdout.split('\n').length, 4)
  })

  test('-f puts fields together as told, and nothing else', async () => {
    const printed = await consume([
      'mixed',
      '-o',
      '5:',
      '-f',
      '%i %t/%p@%o %d %d{ms}\\t%k=%v{json} %h{json} %k{hex} 100%%\\n',
    ])
    assert.deepEqual(lines(printed), [
      `1 mixed/0@5 2026-11-22T10:00:00.005Z ${startMs + 5}\tk=1e400 {"a":["1",null],"b":"/w=="} 6b 100%`,
      `2 mixed/0@6 2026-11-22T10:00:00.006Z ${startMs + 6}\town="x" {"mr-id":"1","traceparent":"00-ab","city":"Köln"} 6f776e 100%`,
    ])
  })

  test('--output csv and markdown have headings once', async () => {
    const csv = lines(await consume(['mixed', '--output', 'csv', '-o', ':2']))
    assert.equal(csv[0], 'topic,partition,offset,timestamp,key,value,headers,base64')
    assert.equal(csv[1], 'mixed,0,0,2026-11-22T10:00:00.000Z,LH-400,"{""gate"": ""B12"",')
    const markdown = lines(await consume(['mixed', '--output', 'markdown', '-o', '1:3']))
    assert.deepEqual(markdown.slice(2), [
      '| mixed | 0 | 1 | 2026-11-22T10:00:00.001Z |  | plain text |  |  |',
      '| mixed | 0 | 2 | 2026-11-22T10:00:00.002Z | LH-400 |  |  |  |',
    ])
  })

  test('--output help is the type of a row', async () => {
    assert.match(
      (await consume(['mixed', '--output', 'help'])).out,
      /^\{ topic: string; .*base64\?: string\[\] \}\n$/,
    )
  })
})

describe('hostile records', () => {
  const evil = `${esc}[2J${esc}]0;owned\u0007\u009b31m\r\nfake/0@9\u202e`
  before(async () => {
    await cluster.createTopic('hostile')
    const headers = [{ key: evil, value: Buffer.from(evil) }]
    await cluster.produce({ topic: 'hostile', key: evil, value: evil, headers, timestampMs: startMs })
    const value = JSON.stringify({ text: evil })
    await cluster.produce({ topic: 'hostile', key: 'x', value, timestampMs: startMs })
  })

  for (const flags of [[], ['-f', '%k %v %h\\n'], ['-J'], ['--json'], ['--output', 'markdown']]) {
    test(`cannot act on a terminal: consume ${flags.join(' ')}`, async () => {
      const { status, out } = await consume(['hostile', ...flags], { terminal: onTerminal })
      assert.equal(status, 0)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      assert.doesNotMatch(out, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
      assert.ok(out.includes('\\u001b[2J'))
      assert.doesNotMatch(out, /\u202e/)
    })
  }

  test('into a pipe -f gives bytes as they are', async () => {
    assert.equal((await consume(['hostile', '-n', '1', '-f', '%v'])).out, evil)
  })

  test('a time beyond the calendar is still printed', async () => {
    await run(['topics', 'create', 'late', '--set', 'message.timestamp.after.max.ms=9223372036854775807'], {
      env: cluster.env,
    })
    await cluster.produce({ topic: 'late', value: 'x', timestampMs: Number.MAX_SAFE_INTEGER })
    assert.match((await consume(['late'])).out, /"timestamp":"@9007199254740991"/)
  })

  test('a value of many megabytes is cut on a terminal and whole elsewhere', async () => {
    await cluster.createTopic('large')
    await cluster.produce({ topic: 'large', value: 'x'.repeat(900_000) })
    const shown = await consume(['large'], { terminal: onTerminal })
    assert.equal(shown.out.length < 70_000, true)
    assert.match(shown.out, /x… \(900000 bytes; --json shows all\)\n$/)
    assert.equal(JSON.parse((await consume(['large'])).out).value.length, 900_000)
  })
})

describe('reading to the end', () => {
  test('gives up after --timeout without news, but not because stdout is slow', async () => {
    const simulation = simulatedPlatform({ seed: 'patience' })
    const request = { follow: false, timeoutMs: 1000, topics: ['orders'] } as unknown as ConsumeRequest
    const patience = new Patience(simulation.clock, request)
    await simulation.advance(5000)
    patience.polled(true)
    await simulation.advance(999)
    patience.polled(false)
    await simulation.advance(1)
    assert.throws(() => patience.polled(false), { code: 'MR_TIMEOUT' })
    const follower = new Patience(simulation.clock, { ...request, follow: true })
    await simulation.advance(60_000)
    follower.polled(false)
  })
})

describe('a group', () => {
  const member = (argv: readonly string[], group: string): Promise<Outcome> =>
    consume(['-g', group, '-f', '%v ', ...argv])
  const values = ({ out }: Outcome): string => out.trim().split(' ').sort().join(' ')
  before(() => numbered('grouped', 9, 3))

  test('goes on where it has committed', async () => {
    assert.equal(values(await member(['grouped'], 'twice')), '0 1 2 3 4 5 6 7 8')
    assert.deepEqual(await member(['grouped'], 'twice'), { status: 0, out: '', err: 'no records\n' })
    await cluster.produce({ topic: 'grouped', partition: 0, value: '9' })
    assert.equal(values(await member(['grouped'], 'twice')), '9')
  })

  test('commits exactly what was printed when -n ends it', async () => {
    await numbered('counted', 10)
    assert.equal(values(await member(['counted', '-n', '4'], 'counting')), '0 1 2 3')
    assert.equal(values(await member(['counted', '-n', '2'], 'counting')), '4 5')
    assert.equal(values(await member(['counted'], 'counting')), '6 7 8 9')
  })

  test('that is new begins at the end with -o end, and commits nothing for what it has not read', async () => {
    assert.equal((await member(['grouped', '-o', 'end'], 'late')).out, '')
  })

  test('shares the partitions with its other members', async () => {
    const client = new Cluster({ platform: nodePlatform(), brokers: [cluster.address] })
    const other = createConsumer(client, {
      group: 'shared',
      offsetReset: 'earliest',
      heartbeatIntervalMs: 50,
    })
    await other.subscribe(['grouped'])
    while (other.assignment().length < 3) await other.poll()
    const command = member(['grouped'], 'shared')
    let ended = false
    void command.then(() => {
      ended = true
    })
    while (!ended) await other.poll({ maxWaitMs: 20 })
    const { status, out } = await command
    assert.equal(status, 0)
    const printed = out.trim().split(' ').length
    assert.ok(printed >= 3 && printed < 9, `a part of the records was printed: ${printed}`)
    await other.close()
    await client.close()
  })

  for (const flags of [
    ['-o', '47'],
    ['-o', '@-5m'],
    ['-p', '0'],
    ['-o', 'start:end'],
    ['--since', '5m'],
  ]) {
    test(`has no use for ${flags.join(' ')}`, async () => {
      assert.equal((await member(['grouped', ...flags], 'x')).status, 2)
    })
  }
})

describe('wrong usage', () => {
  for (const flags of [
    ['-o', 'begin'],
    ['-o', '1', '--since', '5m'],
    ['-n', '0'],
    ['-n', 'many'],
    ['-p', '-1'],
    ['-p', '7'],
    ['-f', '%q'],
    ['-f', '%v{xml}'],
    ['-f', '%p{hex}'],
    ['-f', '100%'],
    ['-f', '\\q'],
    ['-f', '%v', '-J'],
    ['-g', ''],
    ['--since', 'yesterday'],
    ['--timeout', '0s'],
    ['--output', 'xml'],
    ['--no-such-flag'],
  ]) {
    test(`${flags.join(' ')} ends with status 2 and a hint`, async () => {
      const { status, out, err } = await consume(['mixed', ...flags])
      assert.deepEqual([status, out], [2, ''])
      assert.match(err, /^error .+\n(.*\n)* {2}MR_\w+\n$/)
    })
  }

  test('a topic that does not exist is not made', async () => {
    assert.equal(
      (await consume(['mixd'])).err,
      'error topic "mixd" does not exist\n  Did you mean "mixed"?\n  MR_TOPIC_UNKNOWN\n',
    )
    assert.equal((await consume(['mixd', '-g', 'g'])).status, 3)
    assert.doesNotMatch((await run(['topics', 'list'], { env: cluster.env })).out, /"mixd"/)
  })
})

function kcat(): string | false {
  return spawnSync('kcat', ['-V']).status === 0 ? false : 'not installed: apt-get install kcat'
}
