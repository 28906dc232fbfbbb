/**
 * Which folder of src/ may import which others: design.md's picture as a table. A file directly in src/ is the
 * public face and may import all. Test code may import any room: it builds the whole around one part.
 */
import path from 'node:path'
import type { Check, Fault } from './fault.ts'
import { importsOf, isTestCode, type Source } from './source.ts'

const all = 'all'

/** Room → rooms it may import, itself always included. */
const rooms: Readonly<Record<string, readonly string[] | typeof all>> = {
  core: [],
  platform: ['core'],
  protocol: ['core', 'platform'],
  log: ['core', 'platform', 'protocol'],
  broker: ['core', 'platform', 'protocol', 'log'],
  client: ['core', 'platform', 'protocol'],
  state: ['core', 'platform'],
  operators: ['core', 'state'],
  plan: ['core', 'state', 'operators'],
  dsl: ['core', 'plan', 'operators', 'state'],
  sql: ['core', 'plan', 'operators', 'state'],
  runtime: ['core', 'platform', 'protocol', 'client', 'state', 'operators', 'plan'],
  connector: ['core', 'platform'],
  connectors: ['core', 'platform', 'connector'],
  collect: ['core', 'platform', 'protocol', 'client', 'connector'],
  registry: ['core', 'platform', 'protocol', 'client'],
  trace: ['core', 'platform', 'protocol', 'client'],
  catalog: ['core', 'platform', 'protocol', 'client'],
  server: all,
  testing: all,
  cli: all,
}

/** Rooms that nothing below them may import, though it may import everything. */
const closedTo: Readonly<Record<string, readonly string[]>> = { server: ['cli'], testing: ['cli', 'server'] }

/**
 * What package.json exports for users and binds the machine's platform, as they have none to pass. It is for them
 * only: a room that imported it would choose the platform without saying so.
 */
const entries: ReadonlyMap<string, string> = new Map([
  ['src/client/index.ts', 'millrace/kafka'],
  ['src/registry/index.ts', 'millrace/registry'],
])

/**
 * Where the platform's implementations may be named. Everything else takes a `Platform` as a parameter.
 * A worker thread's first module is such a place: add it here with its reason.
 */
const wiring: readonly { readonly path: RegExp; readonly why: string }[] = [
  { path: /^src\/[^/]+\.ts$/, why: 'the public face' },
  { path: /^src\/(cli|testing)\//, why: 'puts the program together' },
  { path: /^src\/server\/instance\/pipeline-worker\.ts$/, why: 'the first module of a worker thread' },
]

function roomOf(file: string): string | undefined {
  const parts = file.split('/')
  return parts[0] === 'src' && parts.length > 2 ? parts[1] : undefined
}

function targetOf(source: Source, specifier: string): string {
  return path.posix.join(path.posix.dirname(source.path), specifier)
}

function roomFault(room: string, target: string): string | undefined {
  const entry = entries.get(target)
  if (entry !== undefined)
    return `'${entry}' binds the machine's platform and is for users: import the part itself`
  const other = roomOf(target)
  if (other === undefined) return `the public face of src/ is not for its own rooms: import the part itself`
  if (other === room) return undefined
  const allowed = rooms[room]
  if (allowed === undefined) return `src/${room}/ is not in the table of rooms: test/architecture/rooms.ts`
  if (rooms[other] === undefined)
    return `src/${other}/ is not in the table of rooms: test/architecture/rooms.ts`
  const open = allowed === all ? !(closedTo[room] ?? []).includes(other) : allowed.includes(other)
  if (open) return undefined
  const may =
    allowed === all ? `all but ${closedTo[room]?.join(', ')}` : allowed.join(', ') || 'no other room'
  return `${room} may import: ${may}. Move the part down, or pass it in as a parameter`
}

function connectorFault(source: Source, target: string): string | undefined {
  const [, , own, inside] = source.path.split('/')
  const [, room, other] = target.split('/')
  if (room !== 'connectors' || inside === undefined || own === other) return undefined
  return 'a connector never imports another one: what both need belongs to src/connector/'
}

function wiringFault(source: Source, target: string): string | undefined {
  if (!/^src\/platform\/(node|simulated)\//.test(target) || roomOf(source.path) === 'platform')
    return undefined
  if (entries.has(source.path) || wiring.some((place) => place.path.test(source.path))) return undefined
  return 'take a Platform (src/platform/platform.ts) as a parameter; only src/cli and src/testing choose which'
}

/** Files outside src/ that use it as a user does. */
function exampleFault(source: Source, target: string): string | undefined {
  if (!source.path.startsWith('examples/') || !target.startsWith('src/') || isTestCode(source.path))
    return undefined
  return "an example imports what users can: 'millrace', 'millrace/testing', 'millrace/connector', …"
}

export const checkImports: Check = (source) => {
  const faults: Fault[] = []
  const room = roomOf(source.path)
  for (const { specifier, line } of importsOf(source)) {
    if (!specifier.startsWith('.')) continue
    const target = targetOf(source, specifier)
    const instead =
      exampleFault(source, target) ??
      (room === undefined || isTestCode(source.path)
        ? undefined
        : (roomFault(room, target) ?? connectorFault(source, target) ?? wiringFault(source, target)))
    if (instead !== undefined) faults.push({ path: source.path, line, what: `imports ${target}`, instead })
  }
  return faults
}
