/** How packages of each registry are installed. Which host serves them is up to the machine's configuration. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { filesUnder, root } from '../repository.ts'
import { clientsDirectory, type Package } from './packages.ts'

type From<F extends Package['from']> = Extract<Package, { from: F }>

interface RunOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

const TIMEOUT_MS = 270_000

/** Runs a program to its end; an error tells what it wrote. */
async function run(command: string, parameters: readonly string[], { cwd, env }: RunOptions): Promise<void> {
  const child = spawn(command, parameters, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      output = (output + bytes.toString()).slice(-20_000)
    })
  }
  const status = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(signal ?? code ?? 1))
  })
  if (status !== 0) throw new Error(`${command} ${parameters.join(' ')} ended with ${status}\n${output}`)
}

export async function installNpm(home: string, { name, version }: From<'npm'>): Promise<void> {
  fs.writeFileSync(path.join(home, 'package.json'), '{ "private": true }\n')
  const options = ['--no-audit', '--no-fund', '--no-package-lock', '--omit=optional']
  await run('npm', ['install', ...options, `${name}@${version}`], { cwd: home })
}

export async function installPypi(home: string, { packages }: From<'pypi'>): Promise<void> {
  const venv = path.join(home, 'venv')
  fs.rmSync(venv, { recursive: true, force: true })
  await run('python3', ['-m', 'venv', venv], { cwd: home })
  const pip = path.join(venv, 'bin', 'python')
  await run(pip, ['-m', 'pip', 'install', '--quiet', '--no-input', '--only-binary=:all:', ...packages], {
    cwd: home,
  })
}

export async function installMaven(home: string, { artifacts, sources }: From<'maven'>): Promise<void> {
  const jars = path.join(home, 'jars')
  const pom = path.join(home, 'pom.xml')
  const text = pomOf(artifacts)
  if (!fs.existsSync(jars) || !fs.existsSync(pom) || fs.readFileSync(pom, 'utf8') !== text) {
    fs.rmSync(jars, { recursive: true, force: true })
    fs.writeFileSync(pom, text)
    const copy = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'
    const parts = `${jars}.part`
    fs.rmSync(parts, { recursive: true, force: true })
    await run('mvn', ['-B', '-q', copy, '-DincludeScope=runtime', `-DoutputDirectory=${parts}`], {
      cwd: home,
    })
    fs.renameSync(parts, jars)
  }
  if (sources === undefined) return
  const classes = path.join(home, 'classes')
  fs.rmSync(classes, { recursive: true, force: true })
  const files = filesUnder(sources, (file) => file.endsWith('.java')).map((file) => path.join(root, file))
  await run('javac', ['-nowarn', '-d', classes, '-cp', path.join(jars, '*'), ...files], { cwd: home })
}

function pomOf(artifacts: readonly string[]): string {
  const dependency = (artifact: string): string => {
    const [group, name, version] = artifact.split(':')
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`
  }
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>millrace</groupId><artifactId>clients</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
${artifacts.map(dependency).join('\n')}
</dependencies>
</project>
`
}

export async function installGo(home: string, { program }: From<'go'>): Promise<void> {
  const cache = path.join(clientsDirectory, 'go')
  const env = {
    GOMODCACHE: path.join(cache, 'modules'),
    GOCACHE: path.join(cache, 'build'),
    // Else a module cache cannot be deleted.
    GOFLAGS: `${process.env['GOFLAGS'] ?? ''} -modcacherw -buildvcs=false`.trim(),
    CGO_ENABLED: '0',
  }
  const output = path.join(home, 'driver')
  await run('go', ['build', '-o', output, `./${program}`], { cwd: path.join(root, 'test', 'clients'), env })
}
