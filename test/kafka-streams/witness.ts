/**
 * The real Kafka Streams, as a witness: one process of StreamsWitness.java that answers a line with a line.
 *
 * Maven copies the libraries to .cache/kafka-streams/ once, and javac compiles the programs when they changed. Where the
 * tools or the libraries cannot be had, `startWitness` says what is missing.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { root } from '../../scripts/repository.ts'
import type { Program } from './programs/program.ts'

const here = path.join(root, 'test/kafka-streams')
const cache = path.join(root, '.cache/kafka-streams')
const programs = ['StreamsWitness.java', 'StreamsPrograms.java'].map((file) => path.join(here, file))
const pom = path.join(here, 'pom.xml')

/** Topic, key, value, timestamp in milliseconds. */
export type InputRecord = readonly [string, string | null, string | null, number]
/** Key, value, timestamp in milliseconds. */
export type OutputRecord = readonly [string | null, string | null, number]

/**
 * The same with the index of the input record after which it came, that of the output, and the header `cause` of the
 * record whose headers it has.
 */
export type CausedRecord = readonly [...OutputRecord, cause: number, output: number, header: string | null]

export interface Witness {
  /** Runs a topology by its name, or a program. */
  run(topology: string | Program, records: readonly InputRecord[]): Promise<readonly CausedRecord[]>
  close(): Promise<void>
}

/** With MILLRACE_CLIENTS=leave-out a missing tool is no failure under CI either. */
const reason = process.env['MILLRACE_CLIENTS'] === 'leave-out' ? 'left out' : 'not installed'

/** The witness, or why there is none. */
export interface StartedWitness {
  readonly witness: Witness | undefined
  /** What to install; false when nothing is missing. */
  readonly skip: string | false
}

/** One for all tests: two at a time would install the same libraries. */
export function startWitness(): StartedWitness {
  const started = installedWitness()
  return 'missing' in started
    ? { witness: undefined, skip: started.missing }
    : { witness: started, skip: false }
}

function installedWitness(): Witness | { readonly missing: string } {
  for (const [tool, install] of [
    ['java', 'default-jdk-headless'],
    ['javac', 'default-jdk-headless'],
    ['mvn', 'maven'],
  ] as const) {
    if (spawnSync(tool, ['-version'], { stdio: 'ignore' }).status !== 0)
      return { missing: `${reason}: apt-get install ${install}` }
  }
  const libraries = folderOf('lib', [pom])
  if (!fs.existsSync(libraries)) {
    const target = `${libraries}.part`
    const copy = spawnSync('mvn', [
      ...['-q', '-B', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime'],
      `-DoutputDirectory=${target}`,
    ])
    if (copy.status !== 0)
      return { missing: `${reason}: org.apache.kafka:kafka-streams, Maven Central cannot be reached` }
    fs.renameSync(target, libraries)
  }
  const classes = folderOf('classes', [pom, ...programs])
  if (!fs.existsSync(classes)) {
    const target = `${classes}.part`
    const compile = spawnSync(
      'javac',
      ['-proc:none', '-cp', path.join(libraries, '*'), '-d', target, ...programs],
      { encoding: 'utf8' },
    )
    if (compile.status !== 0) throw new Error(compile.stderr)
    fs.renameSync(target, classes)
  }
  return new WitnessProcess(libraries, classes)
}

/** A folder of the cache that belongs to what the files hold. */
function folderOf(kind: string, files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(fs.readFileSync(file))
  fs.mkdirSync(cache, { recursive: true })
  return path.join(cache, `${kind}-${hash.digest('hex').slice(0, 16)}`)
}

class WitnessProcess implements Witness {
  private readonly child: ChildProcess
  private readonly lines: Interface
  private readonly waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = []
  private readonly state: string
  private readonly ended: Promise<void>
  private errors = ''

  constructor(libraries: string, classes: string) {
    this.state = fs.mkdtempSync(path.join(os.tmpdir(), 'kafka-streams-witness-'))
    this.child = spawn('java', [
      ...['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx512m', `-Dwitness.state=${this.state}`],
      ...['-cp', `${path.join(libraries, '*')}${path.delimiter}${classes}`, 'StreamsWitness'],
    ])
    this.lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })
    this.lines.on('line', (line) => this.waiting.shift()?.resolve(line))
    this.child.stderr?.on('data', (bytes: Buffer) => {
      this.errors += bytes.toString()
    })
    this.ended = new Promise((resolve) => {
      this.child.on('close', () => {
        for (const { reject } of this.waiting.splice(0))
          reject(new Error(`the witness ended: ${this.errors}`))
        resolve()
      })
    })
  }

  async run(topology: string | Program, records: readonly InputRecord[]): Promise<readonly CausedRecord[]> {
    const what = typeof topology === 'string' ? { topology } : { program: topology }
    const line = await new Promise<string>((resolve, reject) => {
      this.waiting.push({ resolve, reject })
      this.child.stdin?.write(`${JSON.stringify({ ...what, records })}\n`)
    })
    const answer = JSON.parse(line) as { out: CausedRecord[] } | { error: string }
    if ('error' in answer) throw new Error(`Kafka Streams: ${answer.error}`)
    return answer.out
  }

  async close(): Promise<void> {
    this.child.stdin?.end()
    await this.ended
    fs.rmSync(this.state, { recursive: true, force: true })
  }
}
