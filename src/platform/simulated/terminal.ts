/** A terminal in memory, for tests of what commands print and how they take keys and input. */
import type { ColorDepth } from '../color-depth.ts'
import { type Key, linesOf, type Terminal, type TerminalInput, type TerminalOutput } from '../terminal.ts'

export interface SimulatedTerminalOptions {
  readonly isTerminal?: boolean
  readonly columns?: number
  readonly rows?: number
  readonly colorDepth?: ColorDepth
  /** What standard input holds. */
  readonly input?: string
}

export class SimulatedOutput implements TerminalOutput {
  /** All that was written. */
  text = ''
  closed = false
  readonly isTerminal: boolean
  readonly colorDepth: ColorDepth
  columns: number
  rows: number
  private readonly resized = new Set<() => void>()

  constructor(options: SimulatedTerminalOptions) {
    this.isTerminal = options.isTerminal ?? false
    this.colorDepth = options.colorDepth ?? 0
    this.columns = options.columns ?? 80
    this.rows = options.rows ?? 24
  }

  write(text: string | Uint8Array): boolean {
    if (!this.closed) this.text += typeof text === 'string' ? text : Buffer.from(text).toString('utf8')
    return true
  }

  drained(): Promise<void> {
    return Promise.resolve()
  }

  onResize(run: () => void): () => void {
    this.resized.add(run)
    return () => void this.resized.delete(run)
  }

  resize(columns: number, rows: number): void {
    this.columns = columns
    this.rows = rows
    for (const run of this.resized) run()
  }
}

export class SimulatedInput implements TerminalInput {
  readonly isTerminal: boolean
  /** How many listen to keys now. */
  readonly listeners = new Set<(key: Key) => void>()
  private readonly text: string

  constructor(options: SimulatedTerminalOptions) {
    this.isTerminal = options.isTerminal ?? false
    this.text = options.input ?? ''
  }

  async *bytes(): AsyncGenerator<Buffer> {
    if (this.text !== '') yield Buffer.from(this.text)
  }

  lines(): AsyncIterable<string> {
    return linesOf(this.bytes())
  }

  onKey(run: (key: Key) => void): () => void {
    if (!this.isTerminal) return () => {}
    this.listeners.add(run)
    return () => void this.listeners.delete(run)
  }

  /** A person presses a key. */
  press(name: string, modifiers: Partial<Key> = {}): void {
    const key = { ctrl: false, shift: false, meta: false, ...modifiers, name }
    for (const run of [...this.listeners]) run(key)
  }
}

export interface SimulatedTerminal extends Terminal {
  readonly out: SimulatedOutput
  readonly err: SimulatedOutput
  readonly input: SimulatedInput
}

export function simulatedTerminal(options: SimulatedTerminalOptions = {}): SimulatedTerminal {
  return {
    out: new SimulatedOutput(options),
    err: new SimulatedOutput(options),
    input: new SimulatedInput(options),
  }
}
