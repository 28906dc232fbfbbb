/** The process, terminal and threads of Node: each with a real process or thread at the other end. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { nodeProcess } from './process.ts'
import { nodeThreads } from './threads.ts'

const here = (name: string): string => new URL(name, import.meta.url).href
const program = (text: string): string[] => [
  '--disable-warning=ExperimentalWarning',
  '--input-type=module',
  '--eval',
  `import { nodeProcess } from '${here('process.ts')}'
   import { nodeTerminal } from '${here('terminal.ts')}'
   const terminal = nodeTerminal()
   ${text}`,
]

function start(text: string): ChildProcess {
  return spawn(process.execPath, program(text), { stdio: ['pipe', 'pipe', 'inherit'] })
}

async function collect(
  child: ChildProcess,
): Promise<{ readonly text: string; readonly code: number | null }> {
  const exit = once(child, 'exit')
  const text = (await child.stdout!.toArray()).join('')
  return { text, code: (await exit)[0] as number | null }
}

describe('the process', () => {
  it('knows its arguments, its environment and what it has used', () => {
    assert.equal(nodeProcess.pid, process.pid)
    assert.match(nodeProcess.nodeVersion, /^\d+\.\d+\.\d+$/)
    assert.match(nodeProcess.platform, /^\w+-\w+$/)
    assert.equal(nodeProcess.env('NO_SUCH_VARIABLE_IS_SET'), undefined)
    const { rssBytes, peakRssBytes } = nodeProcess.memory()
    assert.ok(rssBytes > 10e6 && peakRssBytes >= rssBytes && peakRssBytes < 64e9)
    const before = nodeProcess.cpuSeconds()
    const endMs = nodeProcess.uptimeMs() + 30
    while (nodeProcess.uptimeMs() < endMs);
    const used = nodeProcess.cpuSeconds() - before
    assert.ok(used > 0.005 && used < 10, `${used}`)
  })
  it('remembers the peak of its memory', () => {
    const { stdout } = spawnSync(
      process.execPath,
      program(`
      let large = Buffer.alloc(150e6, 1)
      large = undefined
      gc()
      console.log(nodeProcess.memory().peakRssBytes)
    `).toSpliced(0, 0, '--expose-gc'),
    )
    assert.ok(Number(stdout) > 150e6, `${stdout}`)
  })
  it('hands over signals, and ends with the code that was set', async () => {
    const child = start(`
      const off = nodeProcess.onSignal('SIGTERM', () => {
        off()
        nodeProcess.setExitCode(143)
        clearInterval(open)
        console.log('flushed')
      })
      const open = setInterval(() => {}, 1000)
      console.log('ready')
    `)
    child.stdout!.once('data', () => child.kill('SIGTERM'))
    assert.deepEqual(await collect(child), { text: 'ready\nflushed\n', code: 143 })
  })
  it('ends at once by exit', async () => {
    const child = start('setInterval(() => {}, 1000); nodeProcess.exit(7)')
    assert.equal((await collect(child)).code, 7)
  })
})

describe('the terminal of a process without one', () => {
  it('reads lines and writes without colour, 80 columns wide or as COLUMNS says', async () => {
    const child = start(`
      const { out, input } = terminal
      for await (const line of input.lines()) out.write(line.toUpperCase() + ';')
      process.env.COLUMNS = '132'
      out.write([out.isTerminal, input.isTerminal, out.columns, out.rows, out.colorDepth].join())
      input.onKey(() => {})()
      await out.drained()
    `)
    child.stdin!.end('one\ntwo')
    assert.deepEqual(await collect(child), { text: 'ONE;TWO;false,false,132,24,0', code: 0 })
  })
  it('is silent, with status 0, when its reader goes away', async () => {
    const child = spawn(
      process.execPath,
      program(`
        let lines = 0
        while (!terminal.out.closed) {
          terminal.out.write('line ' + lines++ + '\\n')
          if (lines % 1000 === 0) await terminal.out.drained()
        }
        await terminal.out.drained()
        terminal.out.write('nobody reads this')
        terminal.err.write(terminal.out.closed ? 'closed' : 'open')
      `),
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    child.stdout.once('data', () => child.stdout.destroy())
    const exit = once(child, 'exit')
    const errors = (await child.stderr.toArray()).join('')
    assert.deepEqual([errors, (await exit)[0]], ['closed', 0])
  })
})

describe('the terminal of a process that has one', () => {
  const skip = process.platform === 'linux' ? false : 'a terminal is made by `script` of Linux'
  it('takes keys at once, keeps Ctrl-C a signal, and leaves the terminal as it was', { skip }, async () => {
    // biome-ignore format: one line per statement of the program
    const text = `
      const { out, input } = terminal
      const stop = input.onKey((key) => out.write('key ' + (key.ctrl ? 'ctrl-' : '') + key.name + ';'))
      nodeProcess.onSignal('SIGINT', () => { out.write('SIGINT;'); stop(); out.write('raw ' + process.stdin.isRaw) })
      out.write('ready ' + out.isTerminal + ' ' + out.colorDepth + ';')
    `
    const quote = (part: string): string => `'${part.replaceAll("'", `'\\''`)}'`
    const command = [process.execPath, ...program(text)].map(quote).join(' ')
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], TERM: 'xterm-256color' },
    })
    child.stdout.once('data', () => child.stdin.write('q\u001b[A\u0003'))
    const { text: shown } = await collect(child)
    assert.match(shown, /ready true 8;key q;key up;SIGINT;raw false$/)
  })
})

describe('threads', () => {
  // A module for a thread, as a data URL, so that it needs no file of its own.
  const thread = (text: string): URL =>
    new URL(
      `data:text/javascript,${encodeURIComponent(`import { nodeThreads } from '${here('threads.ts')}'
      const self = nodeThreads.thisThread()
      ${text}`)}`,
    )

  it('exchange messages and move buffers', async () => {
    const echo = nodeThreads.start<{ size: number; data: unknown; main: boolean }, ArrayBuffer>({
      module: thread(`self.onMessage((buffer) => {
        self.post({ size: buffer.byteLength, data: self.data, main: self.isMain })
        self.close()
      })`),
      data: { a: 1 },
      name: 'echo',
    })
    const buffer = new ArrayBuffer(64)
    const answer = new Promise((resolve) => echo.onMessage(resolve))
    const exit = new Promise((resolve) => echo.onExit(resolve))
    echo.post(buffer, [buffer])
    assert.equal(buffer.byteLength, 0)
    assert.deepEqual(await answer, { size: 64, data: { a: 1 }, main: false })
    assert.deepEqual(await exit, { code: 0, error: undefined })
  })
  it('keep messages until somebody listens', async () => {
    const early = nodeThreads.start<number, never>({
      module: thread('self.post(1); self.post(2)'),
      name: 'early',
    })
    await new Promise((resolve) => early.onExit(resolve))
    const seen: number[] = []
    early.onMessage((message) => seen.push(message))
    assert.deepEqual(seen, [1, 2])
  })
  it('report what they did not catch', async () => {
    const broken = nodeThreads.start({
      module: thread('throw new RangeError("out of order")'),
      name: 'broken',
    })
    const exit = await new Promise<{ code: number; error: Error | undefined }>((resolve) =>
      broken.onExit(resolve),
    )
    assert.equal(exit.code, 1)
    assert.match(String(exit.error), /out of order/)
  })
  it('end where they are', async () => {
    const busy = nodeThreads.start<string, never>({
      module: thread('self.post("running"); for (;;);'),
      name: 'busy',
    })
    await new Promise((resolve) => busy.onMessage(resolve))
    await busy.terminate()
  })
  it('know that the main one is the main one', () => {
    assert.equal(nodeThreads.thisThread().isMain, true)
    nodeThreads.thisThread().post('nobody')
    assert.ok(nodeThreads.cores >= 1)
  })
})
