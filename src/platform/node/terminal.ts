/** The streams of this process, through `node:tty`. Nothing is touched before it is first used. */
import readline from 'node:readline'
import type { ReadStream, WriteStream } from 'node:tty'
import { colorDepth } from '../color-depth.ts'
import { type Key, linesOf, type Terminal, type TerminalInput, type TerminalOutput } from '../terminal.ts'

const COLUMNS = 80
const ROWS = 24

class NodeOutput implements TerminalOutput {
  closed = false
  private readonly stream: WriteStream

  constructor(stream: WriteStream) {
    this.stream = stream
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'EOF') throw error
      this.closed = true
    })
  }

  get isTerminal(): boolean {
    return this.stream.isTTY === true
  }

  get columns(): number {
    const told = Number(process.env['COLUMNS'])
    return this.stream.columns || (Number.isSafeInteger(told) && told > 0 ? told : COLUMNS)
  }

  get rows(): number {
    return this.stream.rows || ROWS
  }

  get colorDepth(): TerminalOutput['colorDepth'] {
    return colorDepth((name) => process.env[name], this.isTerminal)
  }

  write(text: string | Uint8Array): boolean {
    return this.closed ? true : this.stream.write(text)
  }

  drained(): Promise<void> {
    if (this.closed) return Promise.resolve()
    // The callback of an empty write comes after all earlier ones, also when the reader has gone.
    return new Promise((resolve) => this.stream.write('', () => resolve()))
  }

  onResize(run: () => void): () => void {
    this.stream.on('resize', run)
    return () => void this.stream.off('resize', run)
  }
}

type KeyPress =
  | { name?: string; sequence?: string; ctrl?: boolean; shift?: boolean; meta?: boolean }
  | undefined

class NodeInput implements TerminalInput {
  private readonly stream: ReadStream
  private readonly listeners = new Set<(key: Key) => void>()
  private restoreAtExit = false

  constructor(stream: ReadStream) {
    this.stream = stream
  }

  get isTerminal(): boolean {
    return this.stream.isTTY === true
  }

  async *bytes(signal?: AbortSignal): AsyncGenerator<Buffer> {
    // A stream that is waited on keeps the process alive, so it has to end with the signal.
    const end = (): void => void this.stream.destroy()
    if (signal?.aborted) end()
    signal?.addEventListener('abort', end, { once: true })
    try {
      yield* this.stream as AsyncIterable<Buffer>
    } catch (error) {
      if (!signal?.aborted) throw error
    } finally {
      signal?.removeEventListener('abort', end)
    }
  }

  lines(signal?: AbortSignal): AsyncIterable<string> {
    return linesOf(this.bytes(signal))
  }

  onKey(run: (key: Key) => void): () => void {
    if (!this.isTerminal) return () => {}
    if (this.listeners.size === 0) this.listen()
    this.listeners.add(run)
    return () => {
      if (this.listeners.delete(run) && this.listeners.size === 0) this.stopListening()
    }
  }

  private readonly press = (text: string | undefined, press: KeyPress): void => {
    const { ctrl = false, shift = false, meta = false } = press ?? {}
    if (ctrl && press?.name === 'c') interrupt()
    const name = press?.name ?? text ?? press?.sequence ?? ''
    for (const run of [...this.listeners]) run({ name, ctrl, shift, meta })
  }

  private listen(): void {
    if (!this.restoreAtExit) {
      this.restoreAtExit = true
      process.once('exit', () => this.stream.setRawMode(false))
    }
    readline.emitKeypressEvents(this.stream)
    this.stream.setRawMode(true)
    this.stream.on('keypress', this.press)
    this.stream.resume()
  }

  private stopListening(): void {
    this.stream.off('keypress', this.press)
    this.stream.setRawMode(false)
    // A stream that flows keeps the process alive.
    this.stream.pause()
  }
}

/** In raw mode the terminal does not send the signal itself. */
function interrupt(): void {
  // Windows knows no signals: there `kill` would end the process though somebody listens.
  if (!process.emit('SIGINT')) process.kill(process.pid, 'SIGINT')
}

let made: Terminal | undefined

/** The terminal, or the files and pipes, that this process was started with. */
export function nodeTerminal(): Terminal {
  made ??= {
    out: new NodeOutput(process.stdout),
    err: new NodeOutput(process.stderr),
    input: new LazyInput(),
  }
  return made
}

/** Opening standard input has effects (it may be a pipe that keeps the process alive): only when it is used. */
class LazyInput implements TerminalInput {
  private opened: NodeInput | undefined

  private get open(): NodeInput {
    this.opened ??= new NodeInput(process.stdin)
    return this.opened
  }

  get isTerminal(): boolean {
    return this.open.isTerminal
  }

  bytes(signal?: AbortSignal): AsyncIterable<Buffer> {
    return this.open.bytes(signal)
  }

  lines(signal?: AbortSignal): AsyncIterable<string> {
    return this.open.lines(signal)
  }

  onKey(run: (key: Key) => void): () => void {
    return this.open.onKey(run)
  }
}
