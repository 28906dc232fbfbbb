/** `millrace topics …` against a broker. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { main } from '../../src/cli/main.ts'
import { simulatedProcess } from '../../src/platform/simulated/process.ts'
import { simulatedTerminal } from '../../src/platform/simulated/terminal.ts'
import type { TerminalInput } from '../../src/platform/terminal.ts'
import { type Outcome, onTerminal, type RunOptions, run, startCluster, type TestCluster } from './millrace.ts'

let cluster: TestCluster
before(async () => {
  cluster = await startCluster()
})
after(() => cluster.close())

const topics = (argv: string, options: RunOptions = {}): Promise<Outcome> =>
  run(['topics', ...argv.split(' ')], { ...options, env: { ...cluster.env, ...options.env } })
const ok = (out: string, err = ''): Outcome => ({ status: 0, out, err })

describe('list', () => {
  test('of an empty cluster says how to make a topic', async () => {
    const empty = await startCluster()
    const outcome = await run(['topics', 'list'], { env: empty.env, terminal: onTerminal })
    assert.deepEqual(outcome, ok('', 'no topics; make one with `millrace topics create NAME`\n'))
    assert.deepEqual(await run(['topics', 'list', '--json'], { env: empty.env }), ok('[]\n'))
    await empty.close()
  })

  test('is a table on a terminal and JSON Lines elsewhere', async () => {
    await cluster.createTopic('listed.b', 12)
    await cluster.createTopic('listed.a')
    await cluster.createTopic('__kept')
    await cluster.produce(
      ...Array.from({ length: 1234 }, (_, n) => ({ topic: 'listed.b', partition: n % 12, value: 'x' })),
    )
    const golden = [
      'topic     partitions  records',
      'listed.a           1        0',
      'listed.b          12     1234',
    ]
    assert.deepEqual(await topics('list', { terminal: onTerminal }), ok(`${golden.join('\n')}\n`))
    const row = '{"topic":"listed.a","partitions":1,"records":0,"internal":false}\n'
    assert.ok((await topics('list')).out.startsWith(row))
    const { out } = await topics('list --internal')
    assert.match(out, /^\{"topic":"__kept","partitions":1,"records":0,"internal":true\}$/m)
  })
})

describe('create', () => {
  test('makes topics with partitions and settings', async () => {
    const outcome = await topics('create made.a made.b -p 3 --set retention.ms=60000', {
      terminal: onTerminal,
    })
    assert.deepEqual(outcome, ok('topic   partitions\nmade.a           3\nmade.b           3\n'))
    const { out } = await topics('describe made.a --json')
    assert.equal(JSON.parse(out)[0].settings['retention.ms'], '60000')
  })

  test('tells which of several could not be made, and makes the others', async () => {
    await cluster.createTopic('there')
    const { status, out, err } = await topics('create new.a there new.b')
    assert.equal(status, 4)
    assert.equal(out, '{"topic":"new.a","partitions":1}\n{"topic":"new.b","partitions":1}\n')
    assert.equal(
      err,
      'error not created: there; topic "there" already exists\n' +
        '  `millrace topics describe there` shows it.\n  MR_TOPIC_EXISTS\n',
    )
  })

  test('with --dry-run only asks the broker', async () => {
    const outcome = await topics('create dry --dry-run')
    assert.deepEqual(outcome, ok('{"topic":"dry","partitions":1}\n', 'only checked; nothing was created\n'))
    assert.equal((await topics('describe dry')).status, 3)
    assert.equal((await topics('create there --dry-run')).status, 4)
  })

  for (const [argv, code] of [
    ['create or/ders', 'MR_TOPIC_NAME_INVALID'],
    ['create ..', 'MR_TOPIC_NAME_INVALID'],
    ['create a -p 0', 'MR_USAGE'],
    ['create a --set retention.ms', 'MR_USAGE'],
    ['create', 'MR_USAGE'],
  ] as const) {
    test(`\`topics ${argv}\` is wrong usage, told before a broker is asked`, async () => {
      const { status, err } = await topics(argv, { env: { MILLRACE_BROKERS: '127.0.0.1:1' } })
      assert.deepEqual([status, err.trim().split('\n').at(-1)?.trim()], [2, code])
    })
  }

  test('a setting that the broker does not know is refused by it', async () => {
    const { status, err } = await topics('create odd --set no.such=1')
    assert.equal(status, 2)
    assert.match(err, /no\.such/)
    assert.match(err, /MR_KAFKA/)
  })
})

describe('describe', () => {
  test('shows partitions and what was set on a terminal', async () => {
    await topics('create told -p 2 --set cleanup.policy=compact')
    await cluster.produce(
      { topic: 'told', partition: 1, key: 'k', value: 'a' },
      { topic: 'told', partition: 1, key: 'k', value: 'b' },
    )
    const golden = [
      'told  2 partitions · 2 records',
      '',
      'partition  start_offset  end_offset  leader  replicas  in_sync_replicas',
      '        0             0           0       1  1         1',
      '        1             0           2       1  1         1',
      '',
      'setting         value    from',
      'cleanup.policy  compact  topic',
    ]
    assert.deepEqual(await topics('describe told', { terminal: onTerminal }), ok(`${golden.join('\n')}\n`))
    assert.match(
      (await topics('describe told -v', { terminal: onTerminal })).out,
      /^segment\.bytes +1073741824 +default$/m,
    )
  })

  test('is one object per topic in JSON', async () => {
    await cluster.createTopic('object')
    const { out } = await topics('describe object told')
    const [first, second] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.equal(first.topic, 'object')
    assert.match(first.topic_id, /^[\w-]{22}$/)
    assert.deepEqual(first.partitions, [
      { partition: 0, leader: 1, replicas: [1], in_sync_replicas: [1], start_offset: 0, end_offset: 0 },
    ])
    assert.equal(second.settings['cleanup.policy'], 'compact')
  })

  test('of a topic that does not exist names the one that was meant, with status 3', async () => {
    await cluster.createTopic('departures')
    assert.deepEqual(await topics('describe departurs'), {
      status: 3,
      out: '',
      err: 'error topic "departurs" does not exist\n  Did you mean "departures"?\n  MR_TOPIC_UNKNOWN\n',
    })
    const { err } = await topics('describe nothing-like-it')
    assert.match(err, /Create it with `millrace topics create nothing-like-it`/)
  })
})

describe('delete', () => {
  const typed = (input: string, argv = 'delete doomed'): Promise<Outcome> =>
    topics(argv, { terminal: onTerminal, typing: true, input })
  const exists = async (topic: string): Promise<boolean> => (await topics(`describe ${topic}`)).status === 0

  test('asks for the name, and deletes when it was typed', async () => {
    await cluster.createTopic('doomed')
    await cluster.produce({ topic: 'doomed', value: 'x' })
    const wrong = await typed('doome\n')
    assert.equal(wrong.status, 1)
    assert.match(
      wrong.err,
      /^delete topic "doomed" with 1 record\? Type doomed to confirm: error not confirmed/,
    )
    assert.equal((await typed('')).status, 1)
    assert.equal(await exists('doomed'), true)
    assert.deepEqual(
      await typed('doomed\n'),
      ok('topic\ndoomed\n', 'delete topic "doomed" with 1 record? Type doomed to confirm: '),
    )
    assert.equal(await exists('doomed'), false)
  })

  test('of several topics asks for each before it deletes the first', async () => {
    await cluster.createTopic('one')
    await cluster.createTopic('two')
    assert.equal((await typed('one\nno\n', 'delete one two')).status, 1)
    assert.equal(await exists('one'), true)
    assert.equal((await typed('one\ntwo\n', 'delete one two')).status, 0)
    assert.deepEqual([await exists('one'), await exists('two')], [false, false])
  })

  test('is refused where nobody can confirm it: without a terminal, and in CI even with one', async () => {
    await cluster.createTopic('kept')
    const piped = await topics('delete kept', { input: 'kept\n' })
    assert.equal(piped.status, 2)
    assert.match(piped.err, /the input is not a terminal\n {2}Give --yes if it is meant/)
    const ci = await topics('delete kept', { env: { CI: 'true' }, typing: true, input: 'kept\n' })
    assert.equal(ci.status, 2)
    assert.match(ci.err, /CI is set/)
    assert.equal(await exists('kept'), true)
    assert.deepEqual(await topics('delete kept --yes', { env: { CI: '1' } }), ok('{"topic":"kept"}\n'))
  })

  test('Ctrl-C at the question ends with status 130, and nothing is deleted', async () => {
    await cluster.createTopic('safe')
    const host = simulatedProcess({ argv: ['topics', 'delete', 'safe'], env: cluster.env })
    const terminal = simulatedTerminal(onTerminal)
    const asked = Promise.withResolvers<void>()
    const input = {
      ...terminal.input,
      isTerminal: true,
      async *lines(signal?: AbortSignal): AsyncGenerator<string> {
        asked.resolve()
        await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }))
      },
    } as unknown as TerminalInput
    const ended = main(host, { ...terminal, input })
    await asked.promise
    host.signal('SIGINT')
    await ended
    assert.equal(host.exitCode, 130)
    assert.equal(terminal.err.text, 'delete topic "safe" with 0 records? Type safe to confirm: \n')
    assert.equal(await exists('safe'), true)
  })

  test('with --dry-run says what it would do, and asks nothing', async () => {
    await cluster.createTopic('spared')
    assert.deepEqual(
      await topics('delete spared --dry-run'),
      ok('{"topic":"spared"}\n', 'nothing was deleted\n'),
    )
    assert.equal(await exists('spared'), true)
  })

  test('of a topic that does not exist deletes none of the others', async () => {
    await cluster.createTopic('spared.2')
    assert.equal((await topics('delete spared.2 absent --yes')).status, 3)
    assert.equal(await exists('spared.2'), true)
  })
})
