/**
 * Runs one test file in a process of its own, through node:test, and collects what happened.
 *
 * A failure of the file itself is one too: it does not load, holds no test, does not end in time (something
 * is still open: a timer, a socket, a process), or leaves a process running.
 */
import { run } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { end, leftoversOf, processOf } from './leftovers.ts'

export interface Failure {
  /** The names of the suites and the test; empty when the file as a whole failed. */
  readonly name: string
  readonly line: number | undefined
  readonly text: string
}

export interface FileResult {
  readonly file: string
  readonly ms: number
  readonly passed: number
  readonly failures: readonly Failure[]
  /** Reasons of tests that did not run. */
  readonly skips: readonly string[]
  /** What the file printed. */
  readonly output: string
}

export interface RunOptions {
  readonly timeoutMs: number
  /** A test that is skipped because something is not installed has failed. */
  readonly strict: boolean
}

const marker = new URL('./mark-children.mjs', import.meta.url).href
const flags = ['--conditions=millrace-source', '--disable-warning=ExperimentalWarning', `--import=${marker}`]
const KILL_AFTER_MS = 3000
const LEFTOVER_GRACE_MS = 1000

/** The part of an event's data that is read here; node:test's own types lack some. */
interface TestData {
  readonly name: string
  readonly nesting: number
  readonly line?: number
  readonly message?: string
  readonly skip?: string | boolean
  readonly todo?: string | boolean
  readonly details?: { readonly type?: string; readonly error?: TestError }
}

interface TestError extends Error {
  readonly failureType?: string
  readonly exitCode?: number
}

class Collector {
  passed = 0
  readonly failures: Failure[] = []
  readonly skips: string[] = []
  output = ''
  private readonly file: string
  private readonly options: RunOptions
  private readonly names: string[] = []

  constructor(file: string, options: RunOptions) {
    this.file = file
    this.options = options
  }

  take(type: string, data: TestData): void {
    if (type === 'test:stdout' || type === 'test:stderr') this.output += data.message
    else if (type === 'test:start') this.names.splice(data.nesting, Number.POSITIVE_INFINITY, data.name)
    else if (type === 'test:pass') this.takePass(data)
    else if (type === 'test:fail') this.takeFailure(data)
  }

  fail(text: string, data?: TestData): void {
    const name = data === undefined || data.name === this.file ? '' : this.nameOf(data)
    this.failures.push({ name, line: name === '' ? undefined : data?.line, text })
  }

  private takePass(data: TestData): void {
    if (data.name === this.file) this.fail('the file holds no test')
    else if (isMarked(data.skip) || isMarked(data.todo)) this.takeSkip(data)
    else if (data.details?.type !== 'suite') this.passed++
  }

  private takeSkip(data: TestData): void {
    const reason = String(isMarked(data.skip) ? data.skip : data.todo)
    if (this.options.strict && reason.startsWith('not installed:')) this.fail(`skipped: ${reason}`, data)
    else this.skips.push(reason)
  }

  private takeFailure(data: TestData): void {
    const error = data.details?.error
    if (isMarked(data.todo)) this.takeSkip(data)
    else if (data.name === this.file) this.fail(this.describeEnd(error), data)
    else if (error?.failureType !== 'subtestsFailed') this.fail(describe(error), data)
  }

  private describeEnd(error: TestError | undefined): string {
    if (error?.failureType === 'testAborted') {
      return `the file did not end within ${this.options.timeoutMs / 1000} s: something is still open or waited for`
    }
    return `the file ended with status ${error?.exitCode ?? '?'}\n${this.output.trimEnd()}`
  }

  private nameOf(data: TestData): string {
    return [...this.names.slice(0, data.nesting), data.name].join(' › ')
  }
}

const isMarked = (mark: string | boolean | undefined): boolean => mark !== undefined && mark !== false

function describe(error: TestError | undefined): string {
  const cause = error?.cause
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? error?.message)
  return text
    .split('\n')
    .filter((line) => !/^\s+at .*\(?node:/.test(line))
    .join('\n')
    .trimEnd()
}

export async function runFile(file: string, options: RunOptions): Promise<FileResult> {
  const startMs = performance.now()
  const collector = new Collector(file, options)
  const controller = new AbortController()
  const timeout = setTimeout(() => {
    controller.abort()
    // A process that does not take the first signal.
    setTimeout(() => end(processOf(file)), KILL_AFTER_MS).unref()
  }, options.timeoutMs)
  const events = run({ files: [file], concurrency: 1, execArgv: flags, signal: controller.signal })
  for await (const { type, data } of events) collector.take(type, data as unknown as TestData)
  clearTimeout(timeout)
  await takeLeftovers(file, collector)
  const { passed, failures, skips, output } = collector
  return { file, ms: performance.now() - startMs, passed, failures, skips, output }
}

async function takeLeftovers(file: string, collector: Collector): Promise<void> {
  let left = leftoversOf(file)
  for (let waitedMs = 0; left.length > 0 && waitedMs < LEFTOVER_GRACE_MS; waitedMs += 100) {
    await sleep(100)
    left = leftoversOf(file)
  }
  if (left.length === 0) return
  end(left)
  collector.fail(`left running:\n${left.map(({ pid, command }) => `${pid} ${command}`).join('\n')}`)
}
