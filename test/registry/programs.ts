/**
 * What the interoperation of schemas is tested with: Apicurio, a registry in Java, and Confluent's own serialisers for
 * Python. They are installed into .cache/clients: by CI when a test first needs them, else by running this file.
 */
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { whileLocked } from '../../scripts/clients/lock.ts'
import { clientsDirectory } from '../../scripts/clients/packages.ts'

const APICURIO = '3.0.9'
/** Of the artifact alone: its parents are not in every mirror, and later versions of the plugin ask for them. */
const GET = 'org.apache.maven.plugins:maven-dependency-plugin:2.8:get'
const TIMEOUT_MS = 270_000

/** Confluent's extras ask for versions that not every mirror has, so everything is named here. */
const pythonPackages = [
  'confluent-kafka==2.16.1',
  'anyio==4.16.0',
  'attrs==26.1.0',
  'Authlib==1.9.9',
  'cachetools==8.0.1',
  'certifi==2026.10.18',
  'cffi==2.1.1',
  'charset-normalizer==3.5.2',
  'cryptography==50.0.2',
  'fastavro==1.13.1',
  'googleapis-common-protos==1.76.0',
  'h11==0.16.0',
  'httpcore==1.0.9',
  'httpx==0.28.1',
  'idna==3.20',
  'joserfc==1.8.0',
  'jsonschema==4.26.0',
  'jsonschema-specifications==2025.9.1',
  'orjson==3.13.0',
  'protobuf==7.36.2',
  'pycparser==3.12',
  'referencing==0.37.0',
  'requests==2.34.2',
  'rpds-py==2026.9.1',
  'typing_extensions==4.16.0',
  'urllib3==2.8.0',
]

export const pythonOf = (home: string): string => path.join(home, 'venv', 'bin', 'python')

async function run(cwd: string, command: string, parameters: readonly string[]): Promise<void> {
  await promisify(execFile)(command, parameters, { cwd, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' })
}

interface Program {
  readonly folder: string
  /** What has to be on the PATH, with what brings it. */
  readonly needs: Readonly<Record<string, string>>
  /** Changes when it has to be installed anew. */
  readonly stamp: string
  install(home: string): Promise<void>
}

export const apicurio: Program = {
  folder: 'apicurio-registry',
  needs: { java: 'apt-get install openjdk-17-jdk-headless', mvn: 'apt-get install maven' },
  stamp: APICURIO,
  async install(home) {
    fs.rmSync(home, { recursive: true, force: true })
    fs.mkdirSync(home, { recursive: true })
    const archive = path.join(home, 'archive.tar.gz')
    const artifact = `-Dartifact=io.apicurio:apicurio-registry-app:${APICURIO}:tar.gz:all`
    await run(home, 'mvn', ['-B', '-q', GET, '-Dtransitive=false', artifact, `-Ddest=${archive}`])
    await run(home, 'tar', ['xzf', archive])
    fs.rmSync(archive)
  },
}

/** The file that Java runs. */
export const apicurioJar = (home: string): string =>
  path.join(home, `apicurio-registry-app-${APICURIO}-runner.jar`)

export const confluentSerialisers: Program = {
  folder: 'confluent-schema-registry-python',
  needs: { python3: 'apt-get install python3-venv' },
  stamp: pythonPackages.join(' '),
  async install(home) {
    fs.rmSync(home, { recursive: true, force: true })
    fs.mkdirSync(home, { recursive: true })
    await run(home, 'python3', ['-m', 'venv', 'venv'])
    const options = ['--quiet', '--no-input', '--no-deps', '--no-compile', '--only-binary=:all:']
    await run(home, pythonOf(home), ['-m', 'pip', 'install', ...options, ...pythonPackages])
  },
}

function onPath(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter)
  return folders.some((folder) => fs.existsSync(path.join(folder, program)))
}

function isCurrent({ folder, stamp }: Program): boolean {
  const file = path.join(clientsDirectory, folder, 'stamp')
  return fs.existsSync(file) && fs.readFileSync(file, 'utf8') === stamp
}

/** Why a test of these programs has to be left out; under CI only because of a missing tool. */
export function missingPrograms(...programs: readonly Program[]): string | undefined {
  const leaveOut = process.env['MILLRACE_CLIENTS'] === 'leave-out'
  const installs = process.env['CI'] === 'true' && !leaveOut
  const reason = leaveOut ? 'left out' : 'not installed'
  for (const program of programs) {
    const tools = Object.entries(program.needs).filter(([name]) => !onPath(name))
    if (tools.length > 0) return `${reason}: ${tools.map(([, hint]) => hint).join(', ')}`
    if (!installs && !isCurrent(program)) return `${reason}: node test/registry/programs.ts`
  }
  return undefined
}

/** Installs a program if that is not done yet; gives its folder. */
export async function installProgram(program: Program): Promise<string> {
  const home = path.join(clientsDirectory, program.folder)
  if (isCurrent(program)) return home
  fs.mkdirSync(clientsDirectory, { recursive: true })
  await whileLocked(path.join(clientsDirectory, `${program.folder}.lock`), async () => {
    if (isCurrent(program)) return
    await program.install(home)
    fs.writeFileSync(path.join(home, 'stamp'), program.stamp)
  })
  return home
}

if (process.argv[1] === import.meta.filename) {
  for (const program of [apicurio, confluentSerialisers])
    process.stdout.write(`${await installProgram(program)}\n`)
}
