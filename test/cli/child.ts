/**
 * The command line as a process of its own, with real pipes and signals.
 *
 * Every wait for it has a deadline and says what the process had written by then: a command that never ends is one
 * failing test, not a file that never ends. `endChildren` is for `afterEach`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import os from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { within } from '../../src/platform/clock.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'

const root = path.resolve(import.meta.dirname, '../..')
const running = new Set<ChildProcess>()

/** What a command takes is far less, also on a busy machine. */
const WAIT_MS = 30_000

export interface Outcome {
  readonly status: number
  readonly out: string
  readonly err: string
}

/** Starts a command, in the directory of the repository unless another is given; its streams are pipes. */
export function start(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd: string = root,
): ChildProcess {
  const child = spawn(process.execPath, [path.join(root, 'bin/millrace.mjs'), ...argv], {
    cwd,
    // Else `millrace test` would take itself for a file of the run that it is tested by, and run nothing.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
    stdio: 'pipe',
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Ends what a test has left running. */
export function endChildren(): void {
  for (const child of running) {
    child.kill('SIGKILL')
    for (const stream of child.stdio) stream?.destroy()
  }
}

/** The status of a process when it has ended and its output is read; 128 and more for a signal that ended it. */
export function exitOf(child: ChildProcess, waitMs = WAIT_MS): Promise<Outcome> {
  const out = textOf(child.stdout!)
  const err = textOf(child.stderr!)
  const closed = new Promise<Outcome>((resolve) => {
    child.once('close', (code, signal) =>
      resolve({ status: code ?? 128 + os.constants.signals[signal!], out: out(), err: err() }),
    )
  })
  return inTime(
    child,
    'the end of the process',
    closed,
    () => `; it has written ${brief(out())}${brief(err())}`,
    waitMs,
  )
}

/** What it writes next. */
export function nextBytes(child: ChildProcess): Promise<Buffer> {
  return inTime(
    child,
    'output',
    new Promise((resolve, reject) => {
      child.stdout!.once('data', resolve)
      child.once('exit', (code, signal) => reject(new Error(`${nameOf(child)} ended with ${code ?? signal}`)))
    }),
  )
}

/** The outcome of `promise`, or an error that names the command. One that nobody awaits is no unhandled one. */
export function inTime<T>(
  child: ChildProcess,
  what: string,
  promise: Promise<T>,
  more = (): string => '',
  waitMs = WAIT_MS,
): Promise<T> {
  const outcome = within(nodeClock, waitMs, what, promise).catch((error: Error) => {
    throw new Error(`${nameOf(child)}: ${error.message}${more()}`, { cause: error })
  })
  outcome.catch(() => {})
  return outcome
}

const nameOf = (child: ChildProcess): string => `millrace ${child.spawnargs.slice(2).join(' ')}`

function textOf(stream: Readable): () => string {
  let text = ''
  stream.on('data', (bytes: Buffer) => (text += bytes.toString()))
  return () => text
}

function brief(text: string): string {
  return text.length <= 400 ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, 400))} …`
}
