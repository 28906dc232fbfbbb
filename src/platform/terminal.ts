/** Where a person or another program reads what Millrace writes, and writes what it reads. */
import type { ColorDepth } from './color-depth.ts'

export interface TerminalOutput {
  /** Queues text or bytes. False asks to wait for `drained`. After the reader has gone it does nothing. */
  write(text: string | Uint8Array): boolean
  /** Resolves when what was written has been taken, or the reader has gone. */
  drained(): Promise<void>
  /** The reader has gone (EPIPE); that is no error, but a reason to stop. */
  readonly closed: boolean
  readonly isTerminal: boolean
  /** 80 where it is not known; the environment's `COLUMNS` counts where it is not a terminal. */
  readonly columns: number
  /** 24 where it is not known. */
  readonly rows: number
  readonly colorDepth: ColorDepth
  /** Calls `run` when the size changes. The result takes that back. */
  onResize(run: () => void): () => void
}

/** A key that was pressed, such as `{ name: 'q' }` or `{ name: 'c', ctrl: true }`. */
export interface Key {
  /** `a` to `z`, `0` to `9`, or `up`, `down`, `return`, `escape`, `tab`, `space`, …; else the text itself. */
  readonly name: string
  readonly ctrl: boolean
  readonly shift: boolean
  readonly meta: boolean
}

export interface TerminalInput {
  readonly isTerminal: boolean
  /** All bytes to the end, or until `signal` aborts. Input can be read once, as bytes or as lines. */
  bytes(signal?: AbortSignal): AsyncIterable<Buffer>
  /** Lines without their ends; a last one without an end counts too. */
  lines(signal?: AbortSignal): AsyncIterable<string>
  /**
   * Calls `run` for each key, at once and unseen (raw mode), until the result is called; the terminal is as it
   * was after the last such call and when the process ends. Ctrl-C is still a SIGINT of the process. Without a
   * terminal nothing is called.
   */
  onKey(run: (key: Key) => void): () => void
}

export interface Terminal {
  readonly out: TerminalOutput
  readonly err: TerminalOutput
  readonly input: TerminalInput
}

/** Cuts a stream of bytes into lines of UTF-8 text, at `\n` or `\r\n`. */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: false })
  let rest = ''
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop()!
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line
  }
  rest += decoder.decode()
  if (rest !== '') yield rest.endsWith('\r') ? rest.slice(0, -1) : rest
}
