/** What a user is told about bad input: what, where, what to write instead, and the code; and nothing is lost. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { until } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { endChildren, exitOf, type Outcome, start } from '../cli/child.ts'
import { run, startCluster, type TestCluster } from '../cli/millrace.ts'
import { type FlightsProcess, interrupt, startFlights, untilReady } from './flights.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-bad-'))
const demo = new URL('../../examples/flights/millrace.config.ts', import.meta.url).pathname
const started: FlightsProcess[] = []

after(() => rmSync(directory, { recursive: true, force: true }))
// Only what a failed test has left.
afterEach(() => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL')
  endChildren()
})

function open(name: string, flags: readonly string[]): FlightsProcess {
  const flights = startFlights(join(directory, name), flags)
  started.push(flights)
  return flights
}

let configs = 0

/** Runs `dev` on a configuration, in a process of its own: one that starts after all is ended by its deadline. */
function dev(text: string, ending = 'ts'): Promise<Outcome & { readonly file: string }> {
  const file = join(directory, `config-${++configs}.${ending}`)
  writeFileSync(file, text)
  const data = join(directory, `data-${configs}`)
  const argv = ['dev', file, '--data', data, '--port', '0', '--console-port', '0']
  return exitOf(start(argv)).then((outcome) => ({
    ...outcome,
    file,
    err: outcome.err.replaceAll(/^ {2}up .*\n/gm, ''),
  }))
}

const legal = "import { deliver, defineConfig, json, pipeline } from 'millrace'\n"

describe('a broken configuration', () => {
  it('with a syntax error is shown with the place', async () => {
    const { status, err, file } = await dev(`${legal}\nexport default defineConfig({\n  pipelines: [\n}\n`)
    assert.equal(status, 2)
    assert.equal(
      err,
      `error cannot load the file: Expression expected\n  at ${file}:5:1\n` +
        '    3 | export default defineConfig({\n    4 |   pipelines: [\n  > 5 | }\n      | ^\n    6 |\n' +
        '  Correct the syntax there, and start again. Nothing was started.\n  MR_CONFIG_INVALID\n',
    )
  })

  it('with a setting that does not exist names the one that was meant', async () => {
    const { status, err, file } = await dev(`${legal}export default defineConfig({ piplines: [] })\n`)
    assert.equal(status, 2)
    assert.equal(
      err,
      `error no setting "piplines"\n  at ${file}:2:31\n` +
        "    1 | import { deliver, defineConfig, json, pipeline } from 'millrace'\n" +
        '  > 2 | export default defineConfig({ piplines: [] })\n' +
        `      | ${' '.repeat(30)}^\n    3 |\n` +
        '  Did you mean "pipelines"?\n  MR_CONFIG_INVALID\n',
    )
  })

  for (const [what, setting, message, hint] of [
    [
      'topic',
      'topics: { a: { partition: 2 } }',
      'no setting "partition" of topic "a"',
      'Did you mean "partitions"?',
    ],
    [
      'topic',
      'topics: { a: { partitions: 0 } }',
      'topic "a" cannot have 0 partitions',
      'Write a whole number from 1 on.',
    ],
    [
      'result',
      "topics: { a: {} }, results: [{ topic: 'a', titel: 'A' }]",
      'no setting "titel" of result "a"',
      'Did you mean "title"?',
    ],
    ['run', 'run: { thread: 2 }', 'no setting "thread" in "run"', 'Did you mean "threads"?'],
    [
      'pipeline',
      'pipelines: [pipeline]',
      'an entry of "pipelines" is not a pipeline',
      'Call the function that makes it: pipelines: [revenue()]',
    ],
    ['list', 'agents: {}', '"agents" is not a list', 'Write: agents: [ … ]'],
  ] as const) {
    it(`with a wrong ${what} is shown with the place and what to write: ${setting}`, async () => {
      const { status, err, file } = await dev(`${legal}export default defineConfig({ ${setting} })\n`)
      assert.equal(status, 2, err)
      const lines = err.split('\n')
      assert.equal(lines[0], `error ${message}`)
      assert.match(lines[1]!, new RegExp(`^ {2}at ${file}:2:\\d+$`))
      assert.deepEqual(lines.slice(-3), [`  ${hint}`, '  MR_CONFIG_INVALID', ''])
    })
  }

  it('with an import that does not exist names the one that was meant', async () => {
    const { status, err } = await dev(
      "import { defineConfg } from 'millrace'\nexport default defineConfg({})\n",
    )
    assert.equal(status, 2)
    assert.match(err, /^error cannot load the file: .*defineConfg'\n {2}at .*:1:10\n/)
    assert.match(err, /\n {2}Did you mean "defineConfig"\?\n {2}MR_CONFIG_INVALID\n$/)
  })

  it('that throws is shown with the line that threw', async () => {
    const { status, err, file } = await dev(`${legal}\nthrow new Error('no DATABASE_URL')\n`)
    assert.equal(status, 2)
    assert.match(err, new RegExp(`^error cannot load the file: no DATABASE_URL\n  at ${file}:3:7\n`))
    assert.match(err, /\n {2}> 3 \| throw new Error\('no DATABASE_URL'\)\n/)
    assert.match(err, /\n {2}The file threw this while it was loaded; .*\n {2}MR_CONFIG_INVALID\n$/)
  })

  it('of JSON is shown with the place', async () => {
    const { status, err, file } = await dev('{ "title": "x", }\n', 'json')
    assert.equal(status, 2)
    assert.match(err, new RegExp(`^error .+\n  at ${file}:1:17\n`))
    assert.match(err, /\n {2}Write valid JSON: .*\n {2}MR_CONFIG_INVALID\n$/)
  })

  it('that is not there is missed by name', async () => {
    const file = join(directory, 'nowhere.config.ts')
    const { status, err } = await run(['dev', file])
    assert.equal(status, 2)
    assert.match(err, new RegExp(`^error no file "${file}"\n  at ${file}\n  .+\n  MR_CONFIG_NOT_FOUND\n$`))
  })

  it('is told as JSON with --json, also of run', async () => {
    const file = join(directory, 'piplines.config.ts')
    writeFileSync(file, `${legal}export default defineConfig({ piplines: [] })\n`)
    const { status, err } = await run(['run', file, '--json'])
    const { error } = JSON.parse(err) as { error: Record<string, unknown> }
    assert.deepEqual(
      [status, error['code'], error['where'], error['hint']],
      [2, 'MR_CONFIG_INVALID', `${file}:2:31`, 'Did you mean "pipelines"?'],
    )
  })
})

describe('a topic that does not exist', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await startCluster()
    await cluster.createTopic('orders')
  })
  after(() => cluster.close())

  for (const command of ['consume', 'produce']) {
    it(`is not made by ${command}, and the near one is named`, async () => {
      const { status, out, err } = await run([command, 'ordrs'], { env: cluster.env, input: 'a\n' })
      assert.deepEqual([status, out], [3, ''])
      assert.equal(err, 'error topic "ordrs" does not exist\n  Did you mean "orders"?\n  MR_TOPIC_UNKNOWN\n')
      const far = await run([command, 'payments'], { env: cluster.env, input: 'a\n' })
      assert.equal(far.status, 3)
      assert.match(
        far.err,
        /\n {2}Create it with `millrace topics create payments`; .*\n {2}MR_TOPIC_UNKNOWN\n$/,
      )
      const { out: topics } = await run(['topics', 'list', '--output', 'csv'], { env: cluster.env })
      assert.match(topics, /orders/)
      assert.doesNotMatch(topics, /ordrs|payments/)
    })
  }

  for (const [reader, setting] of [
    ['pipeline "sales"', 'pipelines: [sales()]'],
    [
      'delivery "files"',
      "deliveries: [deliver('files', { topics: ['ordrs'], sink: fileSink({ directory: 'out', path: 'x.jsonl' }) })]",
    ],
    ['a table of "results"', "results: [{ topic: 'ordrs' }]"],
  ] as const) {
    it(`stops the start when ${reader} reads it`, async () => {
      const { status, err, file } = await dev(
        `${legal}import { fileSink } from 'millrace/connectors/file'
function sales() {
  const app = pipeline('sales')
  app.stream('ordrs', json<{ id: string }>()).filter(({ id }) => id !== '').to('sold')
  return app
}
export default defineConfig({ topics: { orders: {} }, ${setting} })
`,
      )
      assert.equal(status, 3, err)
      assert.equal(
        err,
        `error ${reader} reads topic "ordrs", which does not exist\n  at ${file}\n` +
          `  Did you mean "orders"? Else name it in the configuration: topics: { 'ordrs': {} }\n  MR_TOPIC_UNKNOWN\n`,
      )
    })
  }
})

/** Holds a port until `close`; one that another process holds is taken just as well. */
async function take(port: number): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = net.createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve() : reject(error),
    )
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address() as net.AddressInfo | null
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
  return { port: address?.port ?? port, close: address === null ? async () => {} : close }
}

describe('a port in use', () => {
  const errorFor = (port: number): RegExp =>
    new RegExp(
      `error port ${port} is taken by another process\n  at 127\\.0\\.0\\.1:${port}\n` +
        '  Stop the other process, or choose another port; port 0 takes any free one\\.\n  MR_PORT_IN_USE\n$',
    )

  it('that was named is replaced by the next free one, which is said; with --strict-port it is an error', async () => {
    const taken = await take(0)
    try {
      const flights = open('port', ['--port', `${taken.port}`, '--console-port', `${taken.port}`])
      const { broker, page } = await untilReady(flights)
      assert.match(flights.output(), new RegExp(`broker .* ${taken.port} is taken`))
      assert.match(flights.output(), new RegExp(`page .* ${taken.port} is taken`))
      assert.notEqual(broker, `127.0.0.1:${taken.port}`)
      assert.equal((await run(['topics', 'list', '--brokers', broker])).status, 0)
      assert.equal((await fetch(`${page}/api/flow`)).status, 200)
      assert.equal(await interrupt(flights), 130)

      const strict = ['--data', join(directory, 'strict'), '--strict-port']
      for (const flag of ['--port', '--console-port']) {
        const other = flag === '--port' ? '--console-port' : '--port'
        const { status, err } = await exitOf(
          start(['dev', demo, ...strict, flag, `${taken.port}`, other, '0']),
        )
        assert.equal(status, 4, flag)
        assert.match(err, errorFor(taken.port))
      }
      // What was tried has let go of everything: the data can be used.
      const again = open('strict', ['--strict-port'])
      await untilReady(again)
      assert.equal(await interrupt(again), 130)
    } finally {
      await taken.close()
    }
  })

  it('that nobody named is treated the same', async () => {
    const taken = await take(9092)
    try {
      const flags = ['--data', join(directory, 'unnamed'), '--console-port', '0']
      const strict = await exitOf(start(['dev', demo, ...flags, '--strict-port']))
      assert.equal(strict.status, 4)
      assert.match(strict.err, errorFor(9092))
      const child = start(['dev', demo, ...flags])
      const ended = exitOf(child)
      let text = ''
      child.stderr!.on('data', (bytes: Buffer) => {
        text += bytes.toString()
        if (text.includes('ready in')) child.kill('SIGINT')
      })
      assert.equal((await ended).status, 130, text)
      assert.match(text, /broker +127\.0\.0\.1:\d+ +Kafka protocol, 9092 is taken/)
    } finally {
      await taken.close()
    }
  })

  it('is not reached when the data directory belongs to another process', async () => {
    const flights = open('shared', [])
    await untilReady(flights)
    const { status, err } = await exitOf(
      start(['dev', demo, '--data', join(directory, 'shared'), '--port', '0']),
    )
    assert.equal(status, 4)
    assert.match(
      err,
      /^error process \d+ uses this data directory\n {2}at .*\n {2}Stop the other process, or name another directory with --data\.\n {2}MR_DATA_DIRECTORY_LOCKED\n$/,
    )
    assert.equal(await interrupt(flights), 130)
  })
})

describe('damaged segments of the demo', () => {
  const { clock } = nodePlatform()
  const whole = join(directory, 'whole')

  before(async () => {
    const flights = startFlights(whole, ['--speed', '300000'])
    started.push(flights)
    const { broker } = await untilReady(flights)
    const read = (): Promise<Outcome> => run(['consume', 'delays-by-hour', '--brokers', broker, '-f', '%o\n'])
    await until(clock, async () => (await read()).out.split('\n').length > 1_500, {
      what: '1,500 rows of delays',
      timeoutMs: 20_000,
      intervalMs: 300,
    })
    assert.equal(await interrupt(flights), 130)
  })

  /** The data with four bytes of a segment turned over; the segments of a partition are counted from the oldest. */
  function damaged(
    name: string,
    segment: number,
    placeOf: (bytes: number) => number,
  ): { file: string; at: number } {
    const data = join(directory, name)
    cpSync(whole, data, { recursive: true })
    const folder = join(data, 'log', 'delays-by-hour-0')
    const logs = readdirSync(folder).filter((file) => file.endsWith('.log'))
    assert.ok(logs.length > 1, 'the topic has an old segment')
    const file = join(folder, logs.at(segment)!)
    const bytes = readFileSync(file)
    const at = placeOf(bytes.length)
    for (let byte = at; byte < at + 4; byte++) bytes[byte]! ^= 0xff
    writeFileSync(file, bytes)
    return { file, at }
  }

  interface Reading {
    readonly outcome: Outcome
    readonly offsets: readonly number[]
  }

  async function consume(broker: string, from: string): Promise<Reading> {
    const outcome = await run(['consume', 'delays-by-hour', '--brokers', broker, '-o', from, '-f', '%o\n'])
    return { outcome, offsets: outcome.out.split('\n').slice(0, -1).map(Number) }
  }

  it('in the middle: nothing damaged is given out, nothing is skipped, the rest can be read', async () => {
    const { file } = damaged('middle', 0, (bytes) => bytes >> 1)
    const next = Number(
      readdirSync(join(file, '..'))
        .filter((name) => name.endsWith('.log'))[1]!
        .slice(0, 20),
    )
    const flights = open('middle', ['--speed', '1'])
    const { broker } = await untilReady(flights)
    const start = await consume(broker, 'start')
    assert.equal(start.outcome.status, 7, 'damage is a data error')
    assert.match(
      start.outcome.err,
      /^error cannot fetch from offset \d+: a batch is damaged \(CORRUPT_MESSAGE\)\n {2}at delays-by-hour\/0, broker \S+\n {2}Nothing damaged is given out, and nothing is skipped: .*\n {2}MR_KAFKA\n$/,
    )
    assert.ok(
      start.offsets.every((offset) => offset < next),
      'it does not go on behind the damage',
    )
    const behind = await consume(broker, `${next}`)
    assert.equal(behind.outcome.status, 0, behind.outcome.err)
    assert.ok(behind.offsets.length > 0 && behind.offsets[0]! >= next)
    await until(clock, () => flights.output().includes('results cannot be read'), {
      what: 'a word about it where the demo runs',
      timeoutMs: 10_000,
    })
    assert.match(flights.output(), / ! {2}results cannot be read\n {5}.*a batch is damaged/)
    flights.child.kill('SIGKILL')
    await flights.ended
    assert.ok(readFileSync(file).length > 0, 'the damaged file is kept')
  })

  it('at the tail: the start says so, what is before is given out, and nothing is cut off', async () => {
    const before = readFileSync(join(whole, 'log', 'delays-by-hour-0', tailOf(whole))).length
    const { file } = damaged('tail', -1, (bytes) => bytes - 20)
    const flights = open('tail', ['--speed', '1'])
    const { broker } = await untilReady(flights)
    assert.match(
      flights.output(),
      new RegExp(
        ` ✗ {2}a segment is damaged \\(\\w+\\) from byte \\d+ to ${before}: offsets (\\d+) to \\d+\\n {5}at ${file}:\\d+ +MR_LOG_CORRUPT\\n`,
      ),
    )
    const from = Number(/offsets (\d+) to/.exec(flights.output())![1])
    const { outcome, offsets } = await consume(broker, 'start')
    // How many depends on what one transaction held when the demo was stopped: the last one is open again without its end.
    assert.ok(offsets.length > 0, outcome.err)
    assert.ok(offsets.every((offset) => offset < from))
    flights.child.kill('SIGKILL')
    await flights.ended
    assert.equal(readFileSync(file).length, before, 'nothing is cut off')
  })

  const tailOf = (data: string): string =>
    readdirSync(join(data, 'log', 'delays-by-hour-0'))
      .filter((file) => file.endsWith('.log'))
      .at(-1)!
})
