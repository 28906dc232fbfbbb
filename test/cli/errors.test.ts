/** How commands end: what is said, where, and with which status. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { after, afterEach, before, describe, test } from 'node:test'
import { endChildren, exitOf, start } from './child.ts'
import { onTerminal, run, startCluster, type TestCluster } from './millrace.ts'

let cluster: TestCluster
before(async () => {
  cluster = await startCluster()
})
afterEach(endChildren)
after(() => cluster.close())

/** A server on a free port that does with each socket as told. */
async function listen(accept: (socket: net.Socket) => void): Promise<{ address: string; close(): void }> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    accept(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { address: `127.0.0.1:${port}`, close }
}

async function freeAddress(): Promise<string> {
  const { address, close } = await listen(() => {})
  close()
  return address
}

describe('a broker that cannot be reached', () => {
  for (const command of [
    ['topics', 'list'],
    ['topics', 'create', 'x'],
    ['topics', 'describe', 'x'],
    ['topics', 'delete', 'x', '--yes'],
    ['produce', 'x'],
    ['consume', 'x'],
    ['consume', 'x', '-g', 'g'],
  ]) {
    test(`${command.join(' ')}: status 5 and what to do, without waiting`, async () => {
      const address = await freeAddress()
      const { status, out, err } = await run([...command, '--brokers', address])
      assert.deepEqual([status, out], [5, ''])
      assert.equal(
        err,
        `error no broker answers at ${address}\n  at ${address}\n` +
          '  Start a broker with `millrace dev`, or name yours with --brokers.\n  MR_BROKER_UNREACHABLE\n',
      )
    })
  }

  test('several are all named, and one that answers is enough', async () => {
    const gone = [await freeAddress(), await freeAddress()]
    const { err } = await run(['topics', 'list', '--brokers', gone.join(', ')])
    assert.match(err, new RegExp(`no broker answers at ${gone.join(', ')}`))
    const brokers = [...gone, cluster.address].join(',')
    assert.equal((await run(['topics', 'list', '--brokers', brokers])).status, 0)
  })

  test('with -v the cause is shown', async () => {
    const { err } = await run(['topics', 'list', '-v', '--brokers', await freeAddress()])
    assert.match(err, /ECONNREFUSED/)
  })
})

test('a broker that takes connections and says nothing is a time-out: status 124', async () => {
  const silent = await listen(() => {})
  const { status, err } = await run(['topics', 'list', '--brokers', silent.address, '--timeout', '200ms'])
  silent.close()
  assert.equal(status, 124)
  assert.match(err, /MR_TIMEOUT\n$/)
})

test('something that is no broker is no time-out and no crash', async () => {
  const web = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const { status, err } = await run(['topics', 'list', '--brokers', web.address, '--timeout', '500ms'])
  web.close()
  assert.ok(status === 5 || status === 7, `status ${status}`)
  assert.match(err, /^error .+\n(.*\n)* {2}MR_\w+\n$/)
})

describe('the address', () => {
  const list = (argv: readonly string[], env: Readonly<Record<string, string>>) =>
    run(['topics', 'list', ...argv], { env })

  test('comes from --brokers, else MILLRACE_BROKERS, else 127.0.0.1:9092', async () => {
    const elsewhere = { MILLRACE_BROKERS: '127.0.0.1:1' }
    assert.equal((await list(['--brokers', cluster.address], elsewhere)).status, 0)
    assert.equal((await list([], cluster.env)).status, 0)
    assert.equal((await list([], elsewhere)).status, 5)
    const { err, status } = await list([], { MILLRACE_BROKERS: '' })
    if (status !== 0) assert.match(err, /127\.0\.0\.1:9092/)
  })

  for (const address of ['localhost', 'localhost:', 'localhost:99999', ':9092', 'http://x:1', ',']) {
    test(`"${address}" is wrong usage`, async () => {
      assert.equal((await list(['--brokers', address], {})).status, 2)
    })
  }
})

describe('errors', () => {
  test('are JSON with --json, --output json and --output jsonl, with the same status', async () => {
    for (const flags of [['--json'], ['--output', 'json'], ['--output=jsonl']]) {
      const { status, err } = await run(['topics', 'describe', 'absent', ...flags], { env: cluster.env })
      const { error } = JSON.parse(err)
      assert.deepEqual(
        [status, error.code, error.message, error.docs, error.retriable],
        [
          3,
          'MR_TOPIC_UNKNOWN',
          'topic "absent" does not exist',
          'docs/reference/errors.md#mr_topic_unknown',
          false,
        ],
      )
    }
  })

  test('cannot act on a terminal with names from the command line', async () => {
    const { err } = await run(['consume', '\u001b[31mx\u0007'], { env: cluster.env, terminal: onTerminal })
    assert.match(err, /\\u001b\[31mx\\u0007/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(err, /[\x00-\x09\x0b-\x1f]/)
  })

  test('of usage name what was probably meant', async () => {
    assert.match((await run(['topics', 'lst'])).err, /no command "topics lst"\n {2}Did you mean "list"\?/)
    assert.match((await run(['consum', 'x'])).err, /Did you mean "consume"\?/)
    assert.match((await run(['topics'])).err, /Write one of `millrace topics list`, /)
    assert.match((await run(['topics', 'list', '--intrenal'])).err, /Did you mean --internal\?/)
    assert.equal((await run(['topics', 'list', 'extra'])).status, 2)
  })
})

describe('a process of its own', () => {
  test('ends with the same status and text', async () => {
    const child = start(['consume', 'absent'], cluster.env)
    assert.deepEqual(await exitOf(child), {
      status: 3,
      out: '',
      err:
        'error topic "absent" does not exist\n  Create it with `millrace topics create absent`;' +
        ' `millrace topics list` shows what there is.\n  MR_TOPIC_UNKNOWN\n',
    })
  })

  test('takes its input from a pipe', async () => {
    await cluster.createTopic('piped')
    const child = start(['produce', 'piped'], cluster.env)
    child.stdin!.end('one\ntwo')
    const { status, out } = await exitOf(child)
    assert.deepEqual([status, out.split('\n').length], [0, 3])
    const consumed = await run(['consume', 'piped', '-f', '%v '], { env: cluster.env })
    assert.equal(consumed.out, 'one two ')
  })
})
