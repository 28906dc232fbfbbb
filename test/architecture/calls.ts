/**
 * What code may not call, and what it uses instead: the machine's time, chance, files, network, processes and
 * terminal come in as parameters, so that a whole system runs repeatably in one thread.
 *
 * In force in src/ outside platform/node/ and platform/simulated/. Tests may use everything but sleeping and
 * unseeded chance; scripts/, bench/ and examples/ may use everything.
 */
import type { Check, Fault } from './fault.ts'
import { importsOf, isTestCode, lineAt, type Source } from './source.ts'

interface Banned {
  readonly what: string
  readonly pattern: RegExp
  readonly instead: string
  readonly alsoInTests?: true
  /** Only in files that import this. */
  readonly importedFrom?: string
}

/** Code that stands alone: not a property, nor a property's name in a literal or a class. */
function alone(code: string): RegExp {
  const end = code.endsWith(')') || code.endsWith('.') ? '' : '\\b'
  return new RegExp(`(?<![.\\w$]|function\\s)(?:globalThis\\.)?${code}${end}(?!\\s*[?]?:)`, 'g')
}

const clock = 'use the Clock (platform.clock): nowMs() or monotonicMs()'
const timers =
  'use the Clock (platform.clock): after, nextTurn, or sleep, every and until of src/platform/clock.ts'
const chance = 'use the Random (platform.random) that is passed in'
const host = 'use the Process (src/platform/process.ts) that is passed in; do not call it `process`'

const banned: readonly Banned[] = [
  { what: 'Date.now', pattern: alone('Date\\s*\\.\\s*now'), instead: clock },
  { what: 'new Date()', pattern: alone('new\\s+Date\\s*(?:\\(\\s*\\)|(?![\\w\\s(]))'), instead: clock },
  { what: 'Date()', pattern: /(?<![.\w$]|new\s)Date\s*\(/g, instead: clock },
  { what: 'performance', pattern: alone('performance\\s*\\.'), instead: clock },
  { what: 'Math.random', pattern: alone('Math\\s*\\.\\s*random'), instead: chance, alsoInTests: true },
  { what: 'setTimeout', pattern: alone('setTimeout'), instead: timers, alsoInTests: true },
  { what: 'setInterval', pattern: alone('setInterval'), instead: timers, alsoInTests: true },
  { what: 'setImmediate', pattern: alone('setImmediate'), instead: timers },
  { what: 'AbortSignal.timeout', pattern: alone('AbortSignal\\s*\\.\\s*timeout'), instead: timers },
  { what: 'process', pattern: alone('process\\s*(?:\\.|\\?\\.|\\[)'), instead: host },
  {
    what: 'console',
    pattern: alone('console\\s*\\.'),
    instead: 'use the Logger, or the Terminal that is passed in',
  },
  { what: 'crypto', pattern: alone('crypto\\s*\\.\\s*(?:random|getRandom)\\w*'), instead: chance },
  // The platform's own randomInt is meant to be used; Node's goes by the same name.
  {
    what: 'crypto',
    pattern: alone('random(?:Bytes|UUID|Int)'),
    instead: chance,
    importedFrom: 'node:crypto',
  },
]

/** Node's modules that only compute. Everything else of Node's touches the machine. */
const pureModules = new Set([
  'buffer',
  'crypto',
  'events',
  'module',
  'path',
  'path/posix',
  'stream',
  'string_decoder',
  'url',
  'util',
  'zlib',
])

const moduleInstead: Readonly<Record<string, string>> = {
  fs: 'use the Disk (platform.disk)',
  'fs/promises': 'use the Disk (platform.disk)',
  net: 'use the Net (platform.net)',
  'timers/promises': timers,
  timers,
  child_process: 'there is no interface for child processes yet: add one to src/platform/',
  worker_threads: 'use Threads (src/platform/threads.ts)',
  os: 'use Process or Threads of src/platform/',
  process: host,
  perf_hooks: clock,
  readline: 'use the Terminal (src/platform/terminal.ts)',
  tty: 'use the Terminal (src/platform/terminal.ts)',
}

/** Places that need more, each with its reason. */
const suites = 'suites of tests that authors of connectors and pipelines run are part of the package'
const waivers: readonly {
  readonly path: RegExp
  readonly modules: readonly string[]
  readonly why: string
}[] = [
  { path: /^src\/server\//, modules: ['http'], why: 'hono stands on Node’s HTTP server' },
  {
    path: /^src\/(connector\/conformance|testing)\//,
    modules: ['test', 'assert', 'assert/strict'],
    why: suites,
  },
]

const sleeping = new Set(['timers/promises', 'timers'])

function bannedModule(source: Source, name: string, inTest: boolean): string | undefined {
  if (inTest) return sleeping.has(name) ? moduleInstead[name] : undefined
  if (pureModules.has(name)) return undefined
  if (waivers.some((waiver) => waiver.path.test(source.path) && waiver.modules.includes(name)))
    return undefined
  return moduleInstead[name] ?? 'what touches the machine belongs to src/platform/'
}

function isGoverned({ path }: Source): boolean {
  return path.startsWith('src/') && !/^src\/platform\/(node|simulated)\//.test(path)
}

export const checkCalls: Check = (source) => {
  const inTest = isTestCode(source.path)
  if (!inTest && !isGoverned(source)) return []
  const faults: Fault[] = []
  const imports = importsOf(source)
  for (const { what, pattern, instead, alsoInTests, importedFrom } of banned) {
    if (inTest && !alsoInTests) continue
    if (importedFrom !== undefined && !imports.some((each) => each.specifier === importedFrom)) continue
    for (const match of source.code.matchAll(pattern)) {
      faults.push({ path: source.path, line: lineAt(source.text, match.index), what, instead })
    }
  }
  for (const { specifier, line, typeOnly } of imports) {
    if (!specifier.startsWith('node:') || typeOnly) continue
    const instead = bannedModule(source, specifier.slice('node:'.length), inTest)
    if (instead !== undefined) faults.push({ path: source.path, line, what: specifier, instead })
  }
  return faults
}
