/** `millrace serve`: a broker by itself, its settings, its ends. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { main } from '../../src/cli/main.ts'
import { until, within } from '../../src/platform/clock.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'
import { simulatedProcess } from '../../src/platform/simulated/process.ts'
import { simulatedTerminal } from '../../src/platform/simulated/terminal.ts'
import { endChildren, exitOf, inTime, start } from './child.ts'
import { onTerminal, run } from './millrace.ts'

const WAIT_MS = 30_000

let root: string
let count = 0
before(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-serve-'))
})
afterEach(endChildren)
after(() => fs.rmSync(root, { recursive: true }))

const newDirectory = (): string => path.join(root, String(count++))

interface Served {
  readonly address: string
  readonly err: () => string
  /** Sends the signal; the exit status. */
  stop(signal?: 'SIGINT' | 'SIGTERM'): Promise<number | undefined>
}

/** Serves within this process until `stop`. */
async function serve(data: string, argv: readonly string[] = ['--port', '0'], tty = false): Promise<Served> {
  const host = simulatedProcess({ argv: ['serve', '--data', data, ...argv] })
  const terminal = simulatedTerminal(tty ? onTerminal : {})
  const ended = main(host, terminal)
  const stop: Served['stop'] = async (signal = 'SIGTERM') => {
    host.signal(signal)
    await within(nodeClock, WAIT_MS, 'the end of millrace serve', ended)
    return host.exitCode
  }
  const isUp = (): boolean => terminal.err.text.includes('ready') || host.exitCode !== undefined
  try {
    await until(nodeClock, isUp, { what: 'millrace serve is up', timeoutMs: WAIT_MS, intervalMs: 5 })
  } catch (error) {
    await stop()
    throw error
  }
  const [address = ''] = /127\.0\.0\.1:\d+/.exec(terminal.err.text) ?? []
  return { address, err: () => terminal.err.text, stop }
}

const at = (address: string) => ({ env: { MILLRACE_BROKERS: address } })

describe('serve', () => {
  test('takes records, writes them out at SIGTERM, and has them at the next start', async () => {
    const data = newDirectory()
    const first = await serve(data)
    await run(['topics', 'create', 'kept', '-p', '2'], at(first.address))
    const produced = await run(['produce', 'kept', '-k', 'k'], { ...at(first.address), input: 'a\nb\n' })
    assert.equal(produced.status, 0, produced.err)
    assert.equal(await first.stop('SIGTERM'), 143)
    assert.ok(fs.existsSync(path.join(data, 'log', '.kafka_cleanshutdown')))

    const second = await serve(data)
    const { out } = await run(['consume', 'kept', '-f', '%k=%v;'], at(second.address))
    assert.equal(out, 'k=a;k=b;')
    assert.equal(await second.stop('SIGINT'), 130)
  })

  test('logs as JSON lines where there is no terminal', async () => {
    const data = newDirectory()
    const served = await serve(data)
    await served.stop()
    const lines = served
      .err()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const ready = lines.find(({ msg }) => msg === 'ready')
    assert.deepEqual([ready.level, ready.endpoints, ready.data], ['info', [served.address], data])
    assert.equal(lines.at(-1).msg, 'stopped')
  })

  test('says one line on a terminal', async () => {
    const served = await serve(newDirectory(), ['--port', '0'], true)
    await served.stop()
    assert.match(
      served.err(),
      /^millrace \S+ {3}broker 127\.0\.0\.1:\d+ {3}data in \S+ {3}ready in .+ {3}Ctrl-C stops\n$/,
    )
  })

  test('listens where the settings say, and keeps to the others', async () => {
    const served = await serve(newDirectory(), [
      '--set',
      'listeners=PLAINTEXT://127.0.0.1:0,INNER://127.0.0.1:0',
      '--set',
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INNER:PLAINTEXT',
      '--set',
      'log.retention.hours=2',
    ])
    const { endpoints } = JSON.parse(served.err().split('\n')[0]!)
    assert.equal(new Set(endpoints).size, 2)
    for (const address of endpoints) {
      await run(['topics', 'create', 'one'], at(address))
      const { out } = await run(['topics', 'describe', 'one', '--json'], at(address))
      assert.equal(JSON.parse(out)[0].settings['retention.ms'], '7200000')
    }
    await served.stop()
  })

  test('fails with status 4 when the port or the data directory is taken', async () => {
    const data = newDirectory()
    const served = await serve(data)
    const port = served.address.split(':')[1]!
    const samePort = await run(['serve', '--data', newDirectory(), '--port', port])
    const sameData = await run(['serve', '--data', data, '--port', '0'])
    await served.stop()
    assert.deepEqual([samePort.status, sameData.status], [4, 4])
    assert.match(samePort.err, /MR_PORT_IN_USE/)
    assert.match(sameData.err, /MR_DATA_DIRECTORY_LOCKED/)
    // Its port did not cost it the data directory.
    assert.equal(await (await serve(data)).stop(), 143)
  })

  for (const [argv, code, says] of [
    [['--set', 'num.partition=3'], 'MR_CONFIG_INVALID', /Did you mean "num\.partitions"\?/],
    [['--set', 'num.partitions=many'], 'MR_CONFIG_INVALID', /num\.partitions/],
    [['--set', 'num.partitions'], 'MR_USAGE', /is not a setting/],
    [['--set', 'a=1', '--set', 'a=2'], 'MR_USAGE', /a is set twice/],
    [['--set', 'listeners='], 'MR_USAGE', /nowhere to listen/],
    [['--set', 'listeners=PLAINTEXT://:0'], 'MR_LISTEN_EXPOSED', /0\.0\.0\.0/],
    [['--set', 'listeners=PLAINTEXT://:0', '--port', '1'], 'MR_USAGE', /both say where to listen/],
  ] as const) {
    test(`\`serve ${argv.join(' ')}\` is refused with status 2`, async () => {
      const { status, err } = await run(['serve', '--data', newDirectory(), ...argv])
      assert.equal(status, 2, err)
      assert.match(err, says)
      assert.match(err, new RegExp(`${code}\n$`))
    })
  }

  test('as a process ends at Ctrl-C with status 130, its data closed cleanly, and clients cut off', async () => {
    const data = newDirectory()
    const child = start(['serve', '--data', data, '--port', '0'])
    const ended = exitOf(child)
    const ready = await inTime(
      child,
      'the ready line',
      new Promise<string>((resolve) => {
        let text = ''
        child.stderr!.on('data', (bytes: Buffer) => {
          text += bytes.toString()
          if (text.includes('"msg":"ready"')) resolve(text)
        })
      }),
    )
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(ready)?.[1])
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => {})
    const cutOff = new Promise((resolve) => socket.once('close', resolve))
    await inTime(child, 'a connection', new Promise((resolve) => socket.once('connect', resolve)))
    child.kill('SIGINT')
    const { status, out } = await ended
    assert.deepEqual([status, out], [130, ''])
    await inTime(child, 'the end of the connection', cutOff)
    assert.ok(fs.existsSync(path.join(data, 'log', '.kafka_cleanshutdown')))
  })
})
