/** The demo on a terminal as a person has it: a pseudo terminal made by `script` of util-linux, and what it shows. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { FlightsProcess } from './flights.ts'

const root = new URL('../../', import.meta.url).pathname
const scriptPath = '/usr/bin/script'

/** For `skip` of a test; under CI a missing `script` is a failure instead. */
export const skipWithoutTerminal =
  !existsSync(scriptPath) && process.env['CI'] !== 'true' ? 'not installed: apt-get install bsdutils' : false

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

export interface TerminalProcess extends FlightsProcess {
  press(key: string): void
  /** The lines of the screen and what was scrolled out above it, without spaces at their ends. */
  screen(): string[]
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`

/** Starts `millrace dev` on the demo's configuration on a terminal of that size. */
export function startOnTerminal(
  dataDirectory: string,
  flags: readonly string[],
  { columns, rows }: TerminalSize,
): TerminalProcess {
  const words = [
    process.execPath,
    'bin/millrace.mjs',
    'dev',
    'examples/flights/millrace.config.ts',
    ...['--data', dataDirectory, '--port', '0', '--console-port', '0', ...flags],
  ]
  const command = `stty cols ${columns} rows ${rows} && exec ${words.map(quoted).join(' ')}`
  // -e: its exit status is the command's. The copy of what is shown goes nowhere.
  const child = spawn(scriptPath, ['-q', '-e', '-c', command, '/dev/null'], {
    cwd: root,
    env: { ...process.env, TERM: 'xterm-256color', NO_COLOR: '1' },
    stdio: 'pipe',
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      text += chunk
    })
  }
  // It may have ended before a key arrives.
  child.stdin.on('error', () => {})
  const ended = new Promise<number | string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(signal ?? code ?? -1))
  })
  return {
    child,
    output: () => text,
    ended,
    press: (key) => void child.stdin.write(key),
    screen: () => screenOf(text, columns),
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: this is what begins an escape sequence.
const step = /\x1b\[(\d*)([A-Za-z])|\r\n|\n|\r|[^\x1b\r\n]/gu

/** What a terminal of that width shows after the text; it knows what the live view uses, and refuses the rest. */
export function screenOf(text: string, columns: number): string[] {
  const lines: string[] = ['']
  let row = 0
  let column = 0
  const down = (): void => {
    row++
    column = 0
    lines[row] ??= ''
  }
  for (const [part, count, action] of text.matchAll(step)) {
    if (part === '\r\n' || part === '\n') down()
    else if (part === '\r') column = 0
    else if (action === 'A') row = Math.max(0, row - Number(count || 1))
    else if (action === 'J') lines.splice(row, Number.POSITIVE_INFINITY, lines[row]!.slice(0, column))
    else if (action !== undefined) throw new Error(`an escape sequence ending in ${action} is not known here`)
    else {
      if (column === columns) down()
      const line = lines[row]!
      lines[row] = `${line.slice(0, column).padEnd(column)}${part}${line.slice(column + 1)}`
      column++
    }
  }
  return lines.map((line) => line.trimEnd())
}
