/**
 * Installs the clients and brokers that the tests use: `npm run clients [-- CLIENT…]`, all of them without a name.
 *
 * A client is installed into .cache/clients/CLIENT, from the registry that the machine's own tools are configured for.
 * A stamp of what was installed is written last: while it is current nothing is done. Two processes never install the
 * same client at once.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { filesUnder, root } from '../repository.ts'
import { whileLocked } from './lock.ts'
import {
  brokerNames,
  clientNames,
  clientsDirectory,
  type Package,
  type PackageName,
  packages,
  programsOf,
} from './packages.ts'
import { installGo, installMaven, installNpm, installPypi } from './registries.ts'

export type { ClientName } from './packages.ts'

function onPath(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter)
  return folders.some((folder) => fs.existsSync(path.join(folder, program)))
}

/** The tool that is not there, with how to get it. */
function missingTool(client: PackageName): string | undefined {
  const wanted = packages[client]
  const programs =
    wanted.from === 'debian'
      ? { [wanted.program]: `apt-get install ${wanted.name}` }
      : programsOf[wanted.from]
  const missing = Object.entries(programs).filter(([program]) => !onPath(program))
  if (missing.length === 0) return undefined
  return `not installed: ${missing.map(([, hint]) => hint).join(', ')}`
}

/** What the stamp says: the versions, and the sources of what is compiled. */
function stampOf(wanted: Package): string {
  const hash = createHash('sha256').update(JSON.stringify(wanted))
  const isSource = (file: string): boolean =>
    wanted.from === 'go' ? isGoSource(file, wanted.program) : file.endsWith('.java')
  const folder = wanted.from === 'maven' ? wanted.sources : 'test/clients'
  if (folder !== undefined && (wanted.from === 'maven' || wanted.from === 'go')) {
    for (const file of filesUnder(folder, isSource))
      hash.update(file).update(fs.readFileSync(path.join(root, file)))
  }
  return hash.digest('hex')
}

/** What a program in Go is made of: its own folder, the loop that all drivers share, and the versions. */
function isGoSource(file: string, program: string): boolean {
  const [, , folder, name] = file.split('/')
  if (name === undefined) return folder === 'go.mod' || folder === 'go.sum'
  return file.endsWith('.go') && (folder === program || folder === 'jsonlines')
}

function isCurrent(home: string, stamp: string): boolean {
  const file = path.join(home, 'stamp')
  return fs.existsSync(file) && fs.readFileSync(file, 'utf8') === stamp
}

/** The folder from which a package of the repository's own node_modules is found, if it is the version that is wanted. */
function ownHome(wanted: Package): string | undefined {
  if (wanted.from !== 'npm') return undefined
  const file = path.join(root, 'node_modules', wanted.name, 'package.json')
  if (!fs.existsSync(file)) return undefined
  const { version } = JSON.parse(fs.readFileSync(file, 'utf8')) as { version: string }
  return version === wanted.version ? root : undefined
}

/**
 * Why tests of a client cannot run now: under CI only a missing tool, else also that nobody has installed it yet. With
 * MILLRACE_CLIENTS=leave-out what is missing is left out by name, and no failure.
 */
export function missingClient(client: PackageName): string | undefined {
  const wanted = packages[client]
  const tool = missingTool(client)
  const leaveOut = process.env['MILLRACE_CLIENTS'] === 'leave-out'
  if (tool !== undefined) return leaveOut ? tool.replace('not installed', 'left out') : tool
  if (wanted.from === 'debian' || ownHome(wanted) !== undefined) return undefined
  if (process.env['CI'] === 'true' && !leaveOut) return undefined
  if (isCurrent(path.join(clientsDirectory, client), stampOf(wanted))) return undefined
  return `${leaveOut ? 'left out' : 'not installed'}: npm run clients -- ${client}`
}

/** Installs a client if that is not done yet; gives its folder. */
export async function installClient(client: PackageName): Promise<string> {
  const wanted = packages[client]
  const own = ownHome(wanted)
  if (own !== undefined) return own
  const home = path.join(clientsDirectory, client)
  const stamp = stampOf(wanted)
  if (wanted.from === 'debian' || isCurrent(home, stamp)) return home
  const tool = missingTool(client)
  if (tool !== undefined) throw new Error(tool)
  fs.mkdirSync(clientsDirectory, { recursive: true })
  // Programs in Go share one cache of modules and builds: one at a time.
  const lock = wanted.from === 'go' ? 'go' : client
  await whileLocked(path.join(clientsDirectory, `${lock}.lock`), async () => {
    if (isCurrent(home, stamp)) return
    fs.mkdirSync(home, { recursive: true })
    fs.rmSync(path.join(home, 'stamp'), { force: true })
    if (wanted.from === 'npm') await installNpm(home, wanted)
    else if (wanted.from === 'pypi') await installPypi(home, wanted)
    else if (wanted.from === 'maven') await installMaven(home, wanted)
    else await installGo(home, wanted)
    fs.writeFileSync(path.join(home, 'stamp'), stamp)
  })
  return home
}

/** Installs the clients that are named, or all; false when a tool or a registry is missing. */
export async function installClients(named: readonly string[]): Promise<boolean> {
  let complete = true
  const names = [...clientNames, ...brokerNames]
  for (const name of named.length === 0 ? names : named) {
    const client = names.find((one) => one === name)
    if (client === undefined) throw new Error(`no client is called ${name}: ${names.join(', ')}`)
    const startMs = performance.now()
    try {
      const tool = missingTool(client)
      if (tool !== undefined) throw new Error(tool)
      await installClient(client)
      process.stdout.write(`${client}: installed (${Math.round(performance.now() - startMs)} ms)\n`)
    } catch (error) {
      complete = false
      process.stderr.write(`${client}: ${error instanceof Error ? error.message : String(error)}\n`)
    }
  }
  return complete
}
