/** Commands as processes between others: readers that go away or are slow, and Ctrl-C. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import { after, afterEach, before, test } from 'node:test'
import { until } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { endChildren, exitOf, inTime, nextBytes, start } from './child.ts'
import { run, startCluster, type TestCluster } from './millrace.ts'

const RECORDS = 60_000
const VALUE_BYTES = 1000
/** Without limits it would be more: the topic has 60 MB. */
const PEAK_KIB_MAX = 160 * 1024
/** Once per 10 MB, and not when the end may be in the pipe already. */
const LOOKS = 5
const { clock } = nodePlatform()

let cluster: TestCluster
before(async () => {
  cluster = await startCluster()
  await cluster.createTopic('big')
  const value = 'x'.repeat(VALUE_BYTES)
  for (let n = 0; n < RECORDS; n += 5000) {
    await cluster.produce(...Array.from({ length: 5000 }, () => ({ topic: 'big', value })))
  }
})
afterEach(endChildren)
after(() => cluster.close())

const peakKib = (child: ChildProcess): number =>
  Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1])

test('a reader that has enough ends consume silently with status 0', async () => {
  for (const argv of [['big'], ['big', '--follow'], ['big', '-f', '%v\\n']]) {
    const child = start(['consume', ...argv], cluster.env)
    const ended = exitOf(child)
    await nextBytes(child)
    child.stdout!.destroy()
    const { status, err } = await ended
    assert.deepEqual([status, err], [0, ''], argv.join(' '))
  }
})

test('a group commits nothing that a reader who has gone did not take', async () => {
  const child = start(['consume', 'big', '-g', 'gone'], cluster.env)
  const ended = exitOf(child)
  await nextBytes(child)
  child.stdout!.destroy()
  assert.equal((await ended).status, 0)
  const next = await run(['consume', 'big', '-g', 'gone', '-n', '1', '-f', '%o'], { env: cluster.env })
  // The first poll gave more than a pipe holds, so stdout had not taken all of it.
  assert.equal(next.out, '0')
})

test('a reader that has gone does not keep produce from storing its lines', async () => {
  await cluster.createTopic('unread')
  const child = start(['produce', 'unread'], cluster.env)
  child.stdout!.destroy()
  child.stdin!.end('line\n'.repeat(5000))
  const { status, err } = await exitOf(child)
  assert.deepEqual([status, err], [0, ''])
  const { out } = await run(['consume', 'unread', '-o', '-1', '-f', '%o'], { env: cluster.env })
  assert.equal(out, '4999')
})

test('a slow reader holds consume back, and its memory does not grow', { skip: notLinux() }, async () => {
  const child = start(['consume', 'big', '-f', '%v\\n'], cluster.env)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let bytes = 0
  const peaks: number[] = []
  const read = async (): Promise<void> => {
    for await (const chunk of child.stdout!) {
      bytes += chunk.length
      // Whenever the reader stops to look, the process fills the pipe and waits.
      if (peaks.length < LOOKS && bytes > (peaks.length + 1) * 10e6) {
        await waits(child)
        peaks.push(peakKib(child))
      }
    }
  }
  await inTime(child, 'the end of its output', read())
  assert.equal(await inTime(child, 'the end of the process', ended), 0)
  assert.equal(bytes, RECORDS * (VALUE_BYTES + 1))
  assert.equal(peaks.length, LOOKS)
  assert.ok(peaks.at(-1)! < PEAK_KIB_MAX, `${peaks.at(-1)} KiB at the end`)
})

test('a reader that does not read at all: consume waits, the first Ctrl-C too, a second one ends it', {
  skip: notLinux(),
}, async () => {
  const child = start(['consume', 'big', '-f', '%v\\n'], cluster.env)
  const exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)))
  await nextBytes(child)
  child.stdout!.pause()
  await waits(child)
  const peak = peakKib(child)
  child.kill('SIGINT')
  await waits(child)
  assert.equal(child.exitCode, null)
  child.kill('SIGINT')
  assert.equal(await inTime(child, 'its end', exit), 130)
  assert.ok(peak < PEAK_KIB_MAX, `${peak} KiB`)
})

test('Ctrl-C ends consume --follow after what was printed, with status 130', async () => {
  const child = start(['consume', 'big', '--follow', '-o', '-3', '-f', '%o '], cluster.env)
  const ended = exitOf(child)
  await nextBytes(child)
  child.kill('SIGINT')
  const { status, out, err } = await ended
  assert.deepEqual([status, out, err], [130, `${RECORDS - 3} ${RECORDS - 2} ${RECORDS - 1} `, ''])
})

test('consume --follow prints what comes, as it comes', async () => {
  await cluster.createTopic('coming')
  const child = start(['consume', 'coming', '--follow', '-f', '%v\\n'], cluster.env)
  const ended = exitOf(child)
  for (const value of ['one', 'two']) {
    const printed = nextBytes(child)
    await cluster.produce({ topic: 'coming', value })
    assert.equal(String(await printed), `${value}\n`)
  }
  child.kill('SIGINT')
  assert.equal((await ended).status, 130)
})

test('SIGTERM ends a member of a group with status 143, and what it has printed is committed', async () => {
  const child = start(['consume', 'big', '--follow', '-g', 'terminated', '-f', '%o\\n'], cluster.env)
  let text = ''
  child.stdout!.on('data', (bytes: Buffer) => (text += bytes))
  const ended = exitOf(child)
  await until(clock, () => text.includes(`\n${RECORDS - 1}\n`), {
    what: 'all was printed',
    timeoutMs: 20_000,
  })
  child.kill('SIGTERM')
  assert.equal((await ended).status, 143)
  const next = await run(['consume', 'big', '-g', 'terminated'], { env: cluster.env })
  assert.deepEqual(next, { status: 0, out: '', err: 'no records\n' })
})

test('Ctrl-C ends the input of produce: what was read is stored, the status is 130', async () => {
  await cluster.createTopic('typed')
  const child = start(['produce', 'typed'], cluster.env)
  const ended = exitOf(child)
  child.stdin!.write('one\ntwo\n')
  await nextBytes(child)
  child.kill('SIGINT')
  const { status, out, err } = await ended
  assert.deepEqual([status, out.split('\n').length, err], [130, 3, ''])
})

test('produce ends when a broker has gone for good, though its input is open', async (t) => {
  const other = await startCluster()
  let open = true
  t.after(() => (open ? other.close() : undefined))
  await other.createTopic('typed')
  const child = start(['produce', 'typed', '--timeout', '1s'], other.env)
  const ended = exitOf(child)
  child.stdin!.write('one\n')
  await nextBytes(child)
  await other.close()
  open = false
  child.stdin!.write('two\n')
  const { status, err } = await ended
  assert.equal(status, 124)
  assert.match(err, /1 of 2 records not stored \(line 2\)/)
})

test('Ctrl-C while a broker does not answer ends at once', async (t) => {
  const connected = Promise.withResolvers<net.Socket>()
  const silent = net.createServer((socket) => connected.resolve(socket))
  t.after(() => silent.close())
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as net.AddressInfo
  const child = start(['topics', 'list', '--brokers', `127.0.0.1:${port}`, '--timeout', '60s'])
  const ended = exitOf(child)
  const socket = await inTime(child, 'its connection', connected.promise)
  t.after(() => socket.destroy())
  child.kill('SIGINT')
  assert.deepEqual(await ended, { status: 130, out: '', err: '' })
})

/** Resolves when the process has nothing to do. */
async function waits(child: ChildProcess): Promise<void> {
  let before = -1
  const idle = (): boolean => {
    const now = cpuTicks(child)
    const still = now === before
    before = now
    return still
  }
  await until(clock, idle, { what: 'the process has nothing to do', timeoutMs: 20_000, intervalMs: 200 })
}

function cpuTicks(child: ChildProcess): number {
  const fields = fs.readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return Number(fields[11]) + Number(fields[12])
}

function notLinux(): string | false {
  return process.platform === 'linux' ? false : 'reads /proc'
}
