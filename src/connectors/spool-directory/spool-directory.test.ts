/** The conformance suite of sources over the three forms of files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  type ExpectedEvent,
  type SourceSuite,
  type SourceWorld,
  sourceConformance,
} from '../../connector/conformance/source.ts'
import { watchDisk } from '../../connector/conformance/watched-disk.ts'
import { nodePlatform } from '../../platform/node/platform.ts'
import { blob, csv, line, spoolDirectory } from './index.ts'
import { type SpoolInputs, SpoolWorld } from './testdata.ts'

interface FileOfWorld {
  readonly name: string
  readonly content: string | Buffer
  readonly events: readonly Omit<ExpectedEvent, 'unit'>[]
}

/** A name as it may stand in a row. */
const label = (name: string): string => encodeURIComponent(name)

function csvFile(name: string, rows: number): FileOfWorld {
  const numbers = Array.from({ length: rows }, (_, index) => index)
  return {
    name,
    content: `n,text\n${numbers.map((n) => `${n},"row ""${n}""\nof ${label(name)}"\n`).join('')}`,
    events: numbers.map((n) => ({
      line: 2 + 2 * n,
      body: { n: String(n), text: `row "${n}"\nof ${label(name)}` },
    })),
  }
}

function lineFile(name: string, rows: number): FileOfWorld {
  const numbers = Array.from({ length: rows }, (_, index) => index)
  return {
    name,
    content: numbers.map((n) => `line ${n} of ${label(name)}`).join('\r\n'),
    events: numbers.map((n) => ({ line: n + 1, body: `line ${n} of ${label(name)}` })),
  }
}

function blobFile(name: string, parts: number): FileOfWorld {
  const numbers = Array.from({ length: parts }, (_, index) => index)
  const bodies = numbers.map((n) => `part ${n} ${label(name)}`.padEnd(20, '.').slice(0, 20))
  return { name, content: bodies.join(''), events: bodies.map((body, n) => ({ line: n + 1, body })) }
}

function expectedOf(files: readonly FileOfWorld[]): ExpectedEvent[] {
  return files.flatMap((file) => file.events.map((event) => ({ unit: file.name, ...event })))
}

async function simulatedWorld(options: SpoolInputs, files: readonly FileOfWorld[], later: FileOfWorld) {
  const world = new SpoolWorld()
  for (const file of files) world.write(file.name, file.content)
  await world.settle()
  const made: SourceWorld = {
    source: spoolDirectory({ directory: 'spool', ...options }),
    platform: world.platform,
    baseDirectory: '/',
    expected: expectedOf(files),
    run: (promise) => world.run(promise),
    grow() {
      world.write(later.name, later.content)
      return expectedOf([later])
    },
    hold: () => world.write('zz-new', 'new'),
    openHandles: () => world.watched.openFiles(),
    failAt: (nth) => world.watched.failAt(nth),
  }
  return made
}

const badCsv: FileOfWorld = {
  name: 'bad.csv',
  content: Buffer.from(
    'a,b\r\n1,2\r\n3\r\n\r\n4,5,6\r\n"7,8\r\n9,10\r\nx"y,z\r\n"p"q,r\r\n\xff,1\r\n11,12',
    'latin1',
  ),
  events: [
    { line: 2, body: { a: '1', b: '2' } },
    { line: 3, failed: 'MR_RECORD_INVALID' },
    { line: 5, failed: 'MR_RECORD_INVALID' },
    { line: 6, failed: 'MR_RECORD_INVALID' },
    { line: 9, failed: 'MR_RECORD_INVALID' },
    { line: 10, failed: 'MR_RECORD_INVALID' },
    { line: 11, body: { a: '11', b: '12' } },
  ],
}

const hostileNames = [
  'x..%2f..%2fetc',
  '-rf',
  '__proto__',
  'a b\nc\t',
  'constructor',
  'ÅÅ',
  '\u202egpj.csv',
  '日本.csv',
  "'; drop table--",
]

function suiteOf(
  name: string,
  options: SpoolInputs,
  make: (name: string, rows: number) => FileOfWorld,
): SourceSuite {
  const { type } = options.deserializer ?? { type: 'line' }
  return {
    name: `spool-directory, ${name}`,
    make: () => simulatedWorld(options, [make('a', 7), make('b', 5), make('c', 1)], make('bb', 4)),
    makeBad: () => simulatedWorld(options, [badCsv], make('zz', 2)),
    makeHostile() {
      const files = [...hostileNames].sort().map((hostile) => make(hostile, 2))
      return simulatedWorld(options, files, make('zz', 2))
    },
    waivers: type === 'blob' ? { 'parts that cannot be read are events': 'any bytes are a blob' } : {},
  }
}

sourceConformance({
  ...suiteOf('lines', { deserializer: line(), batchSize: 2 }, lineFile),
  makeBad: () =>
    simulatedWorld(
      { deserializer: line(), batchSize: 2 },
      [
        {
          name: 'bad',
          content: Buffer.from('good\nb\xffd\ngood again', 'latin1'),
          events: [
            { line: 1, body: 'good' },
            { line: 2, failed: 'MR_RECORD_INVALID' },
            { line: 3, body: 'good again' },
          ],
        },
      ],
      lineFile('zz', 1),
    ),
})
sourceConformance(suiteOf('csv', { deserializer: csv(), batchSize: 2 }, csvFile))
sourceConformance(suiteOf('blobs', { deserializer: blob({ maxBlobLength: 20 }) }, blobFile))

const directories: string[] = []
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true })
})

function packedWorld(): SourceWorld {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-spool-'))
  directories.push(directory)
  const files = [csvFile('a.csv.gz', 900), csvFile('b.csv.gz', 30), csvFile('c.csv.gz', 1)]
  const put = (file: FileOfWorld): void => {
    const bytes = Buffer.from(file.content)
    const half = Math.floor(bytes.length / 2)
    const members = [bytes.subarray(0, half), bytes.subarray(half)]
    writeFileSync(join(directory, file.name), Buffer.concat(members.map((member) => gzipSync(member))))
  }
  for (const file of files) put(file)
  const platform = nodePlatform()
  const watched = watchDisk(platform.disk)
  return {
    source: spoolDirectory({ directory, deserializer: csv(), batchSize: 200, pollDelay: '20ms' }),
    platform: { ...platform, disk: watched.disk },
    baseDirectory: '/',
    expected: expectedOf(files),
    openHandles: () => watched.openFiles(),
    failAt: (nth) => watched.failAt(nth),
    hold: () => put(csvFile('zz.csv.gz', 1)),
    grow() {
      const later = csvFile('bb.csv.gz', 3)
      put(later)
      return expectedOf([later])
    },
  }
}

sourceConformance({
  name: 'spool-directory, packed files on the real disk',
  make: packedWorld,
  waivers: {
    'parts that cannot be read are events': 'shown with plain files',
    'hostile names are only names': 'shown with plain files',
  },
})
