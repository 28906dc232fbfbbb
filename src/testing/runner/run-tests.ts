/**
 * Runs test files by `node:test`, each in a process of its own, several at a time.
 *
 * 1. Node hands out what happens in the order of the files, and of the tests within each.
 * 2. Names of suites are kept by their depth, for the whole name of a test.
 * 3. What a test says of virtual time follows its result, so that a result is given out with the next event.
 * 4. A file that cannot be loaded is a failure of its own; what it wrote to stderr says why. So is one without tests,
 *    unless tests are chosen by name.
 */
import { run } from 'node:test'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { virtualTimeOf } from './virtual-time-text.ts'

export type TestState = 'passed' | 'failed' | 'skipped' | 'todo'

export interface TestResult {
  /** Absolute. */
  readonly file: string
  /** With the names of its suites before it. Empty for the file itself, which could not be run. */
  readonly names: readonly string[]
  readonly state: TestState
  readonly ms: number
  /** What its drivers have let pass. */
  readonly virtualMs: number
  /** Of a test that failed. */
  readonly message?: string
  /** `file:line:column` of a test that failed. */
  readonly where?: string
}

export interface RunTestsOptions {
  readonly cwd: string
  /** Absolute. */
  readonly files: readonly string[]
  /** Only tests whose names match it. */
  readonly name?: RegExp
  readonly signal?: AbortSignal
  readonly onResult: (result: TestResult) => void
  /** What tests write. */
  readonly onText?: (text: string) => void
}

/** Resolves when all files have run. */
export async function runTests({
  cwd,
  files,
  name,
  signal,
  onResult,
  onText,
}: RunTestsOptions): Promise<void> {
  // In a checkout the source runs as it is; the published package has the built file.
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  const stream = run({
    cwd,
    files: [...files],
    concurrency: true,
    execArgv: [
      '--disable-warning=ExperimentalWarning',
      '--import',
      new URL(`./test-process${extension}`, import.meta.url).href,
    ],
    ...(name === undefined ? {} : { testNamePatterns: name }),
    ...(signal === undefined ? {} : { signal: withoutReason(signal) }),
  })
  const collector = new ResultCollector(onResult, { emptyFails: name === undefined })
  for await (const { type, data } of stream as AsyncIterable<RunnerEvent>) {
    collector.take(type, data)
    if ((type === 'test:stdout' || type === 'test:stderr') && data.message) onText?.(data.message)
  }
  collector.end()
}

/** Aborts with an error: Node's runner fails when the reason is anything else, such as an exit code. */
function withoutReason(signal: AbortSignal): AbortSignal {
  const stopped = new AbortController()
  const stop = (): void => stopped.abort()
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  return stopped.signal
}

/** The part of Node's events that matters. */
export interface RunnerEvent {
  readonly type: string
  readonly data: {
    readonly name?: string
    readonly file?: string
    readonly line?: number
    readonly column?: number
    readonly nesting?: number
    readonly message?: string
    readonly skip?: string | boolean
    readonly todo?: string | boolean
    readonly details?: {
      readonly type?: string
      readonly duration_ms?: number
      readonly error?: Error & { readonly failureType?: string }
    }
  }
}

/** Makes results of events. */
export class ResultCollector {
  private readonly onResult: (result: TestResult) => void
  private readonly emptyFails: boolean
  private readonly stderr = new Map<string, string>()
  /** What Node says of an error that belongs to no test, before it says that the file has failed. */
  private noted: string | undefined
  private names: string[] = []
  private held: TestResult | undefined

  /** @param options.emptyFails a file that was run and had no test is a failure; default false */
  constructor(onResult: (result: TestResult) => void, options: { readonly emptyFails?: boolean } = {}) {
    this.onResult = onResult
    this.emptyFails = options.emptyFails ?? false
  }

  take(type: RunnerEvent['type'], data: RunnerEvent['data']): void {
    switch (type) {
      case 'test:diagnostic': {
        const { message = '' } = data
        if (message.startsWith('Error: ')) this.noted = message.slice('Error: '.length)
        const virtualMs = virtualTimeOf(message)
        if (virtualMs !== undefined && this.held !== undefined) this.held = { ...this.held, virtualMs }
        return
      }
      case 'test:stderr':
        this.stderr.set(data.file ?? '', (this.stderr.get(data.file ?? '') ?? '') + (data.message ?? ''))
        return
      case 'test:start':
        this.end()
        this.names = [...this.names.slice(0, data.nesting ?? 0), data.name ?? '']
        return
      case 'test:pass':
      case 'test:fail':
        this.end()
        this.finish(type === 'test:pass', data)
        return
      default:
    }
  }

  /** Gives out what is held back. */
  end(): void {
    if (this.held !== undefined) this.onResult(this.held)
    this.held = undefined
  }

  private finish(passed: boolean, data: RunnerEvent['data']): void {
    const { name = '', file = '', nesting = 0, details } = data
    const error = details?.error
    // A suite fails with its tests: they are told of already, unless it failed by itself.
    if (details?.type === 'suite' && (passed || error?.failureType === 'subtestsFailed')) return
    if (!passed && error?.failureType === 'subtestsFailed') return
    const itself = nesting === 0 && (name === file || file.endsWith(`/${name}`))
    // Node says of a file itself only when there is nothing else to say.
    if (itself && passed && !this.emptyFails) return
    const failure = itself && passed ? { message: 'no test ran', where: file } : this.failure(data, itself)
    this.held = {
      file,
      names: itself ? [] : [...this.names.slice(0, nesting), name],
      state: data.skip ? 'skipped' : data.todo ? 'todo' : passed && !itself ? 'passed' : 'failed',
      ms: details?.duration_ms ?? 0,
      virtualMs: 0,
      ...(passed && !itself ? {} : failure),
    }
  }

  private failure(
    { file = '', line, column, details }: RunnerEvent['data'],
    itself: boolean,
  ): Pick<TestResult, 'message' | 'where'> {
    const error = details?.error
    const cause = error?.cause
    const written = itself ? withoutNode(this.stderr.get(file) ?? '').trim() : undefined
    const message = cause instanceof Error ? cause.message : String(cause ?? error?.message ?? 'failed')
    const stack = itself ? (written ?? '') : cause instanceof Error ? (cause.stack ?? '') : ''
    const thrown = placeIn(stack, file)
    const declared = itself || line === undefined ? file : `${file}:${line}:${column ?? 1}`
    return {
      message: stripVTControlCharacters(written || (itself && this.noted) || message),
      where: thrown ?? declared,
    }
  }
}

/** What a process wrote as it ended by an error, without what is Node's: lines of its loader, and its version. */
function withoutNode(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/^node:internal\S+\n[^\n]*\n *\^\n+/m, '')
    .replace(/\n+Node\.js v\S+\s*$/, '')
    .replace(/ \{\n {2}code: '\w+'(?:,\n {2}\w+: .*)*\n\}$/, '')
    .split('\n')
    .filter((line) => !/^ +at .*\(?(?:node:internal|.*\/platform\/node\/modules\.)\S*\)?( \{)?$/.test(line))
    .join('\n')
}

/** The first place of a text that is in the file. */
function placeIn(stack: string, file: string): string | undefined {
  for (const line of stack.split('\n')) {
    const [, place, numbers] = /(file:\/\/[^\s()]+?|\/[^\s()]+?)(:\d+(?::\d+)?)\)?$/.exec(line) ?? []
    if (place === undefined) continue
    const path = place.startsWith('file://') ? fileURLToPath(place.replace(/\?.*$/, '')) : place
    if (path === file) return file + numbers
  }
  return undefined
}
