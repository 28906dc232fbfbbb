/** Processes that a test file started and did not end. Found through /proc: on other systems none are seen. */
import fs from 'node:fs'

export interface Leftover {
  readonly pid: number
  readonly command: string
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1')
  } catch {
    // The process has ended meanwhile, or belongs to somebody else.
    return ''
  }
}

function processes(): readonly number[] {
  if (!fs.existsSync('/proc/self/environ')) return []
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()

/** Processes that still run and were started, directly or not, by the test file. */
export function leftoversOf(file: string): readonly Leftover[] {
  const mark = `MILLRACE_TEST_FILE=${file}`
  return processes()
    .filter((pid) => read(`/proc/${pid}/environ`).split('\0').includes(mark))
    .map((pid) => ({ pid, command: commandOf(pid) }))
    .filter(({ command }) => command !== '')
}

/** The process of the test file itself. */
export function processOf(file: string): readonly Leftover[] {
  return processes()
    .filter(
      (pid) =>
        read(`/proc/${pid}/stat`)
          .replace(/^.*\) /s, '')
          .split(' ')[1] === String(process.pid),
    )
    .map((pid) => ({ pid, command: commandOf(pid) }))
    .filter(({ command }) => command.includes(file))
}

export function end(left: readonly Leftover[]): void {
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}
