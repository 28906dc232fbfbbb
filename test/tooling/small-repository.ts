/**
 * A repository like this one in a temporary folder: the real scripts/, one small dependency of the real lock
 * file, and tasks that only say what runs them. So that starting is tested as it is, and quickly.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { root } from '../../scripts/repository.ts'

const DEPENDENCY = 'snappyjs'
const passedOn = /^(PATH|TMPDIR|npm_execpath|npm_node_execpath|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|\w+_PROXY)$/i

interface LockFile {
  readonly lockfileVersion: number
  readonly packages: Readonly<Record<string, { readonly version: string }>>
}

export interface Ended {
  readonly code: number | null
  readonly output: string
}

export class SmallRepository {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-start-'))
  readonly home = path.join(this.folder, 'home')

  constructor() {
    fs.mkdirSync(this.home)
    fs.cpSync(path.join(root, 'scripts'), path.join(this.folder, 'scripts'), { recursive: true })
    fs.rmSync(path.join(this.folder, 'scripts', 'tasks'), { recursive: true })
    const lock = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as LockFile
    const dependency = lock.packages[`node_modules/${DEPENDENCY}`]!
    const own = {
      name: 'small',
      version: '1.0.0',
      type: 'module',
      dependencies: { [DEPENDENCY]: dependency.version },
    }
    const packages = { '': own, [`node_modules/${DEPENDENCY}`]: dependency }
    this.write(
      'package.json',
      JSON.stringify({ ...own, scripts: { probe: 'node scripts/launch.mjs probe' } }),
    )
    this.write(
      'package-lock.json',
      JSON.stringify({ ...own, lockfileVersion: lock.lockfileVersion, packages }),
    )
    this.write(
      'scripts/tasks/probe.ts',
      `import dependency from '${DEPENDENCY}'
       const told: { readonly version: string } = { version: process.version }
       console.log(JSON.stringify({ ...told, loaded: typeof dependency, argv: process.argv.slice(2) }))
       process.exitCode = Number(process.argv[2] ?? 0)`,
    )
    this.write(
      'scripts/tasks/wait.ts',
      `process.on('SIGTERM', () => { console.log('flushed'); clearInterval(open) })
       const open = setInterval(() => {}, 1000)
       console.log('ready ' + process.pid)`,
    )
  }

  write(file: string, text: string): void {
    fs.mkdirSync(path.dirname(path.join(this.folder, file)), { recursive: true })
    fs.writeFileSync(path.join(this.folder, file), text)
  }

  exists(file: string): boolean {
    return fs.existsSync(path.join(this.folder, file))
  }

  /** Starts a task; of the environment only what npm and the network need is passed on, and no home. */
  start(parameters: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const kept = Object.entries(process.env).filter(([name]) => passedOn.test(name))
    return spawn(process.execPath, [path.join(this.folder, 'scripts', 'launch.mjs'), ...parameters], {
      cwd: os.tmpdir(),
      env: { ...Object.fromEntries(kept), HOME: this.home, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  async run(parameters: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return ended(this.start(parameters, env))
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true })
  }
}

/** The exit status, with all that was printed. */
export async function ended(child: ChildProcess): Promise<Ended> {
  let output = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      output += text
    })
  }
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output }
}
