/** Apicurio's registry in memory, with Confluent's REST interface, on a free port. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { until } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { apicurioJar } from './programs.ts'

const START_TIMEOUT_MS = 60_000

export interface Apicurio {
  readonly url: string
  close(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Between the look for a free port and its use another program may take it: then once more. */
export async function startApicurio(home: string, attempts = 3): Promise<Apicurio> {
  try {
    return await startOnce(home, await freePort())
  } catch (error) {
    if (attempts === 1) throw error
    return startApicurio(home, attempts - 1)
  }
}

async function startOnce(home: string, port: number): Promise<Apicurio> {
  const child = spawn(
    'java',
    [
      // For a start that does not take long.
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-Xmx512m',
      '-Dquarkus.http.host=127.0.0.1',
      `-Dquarkus.http.port=${port}`,
      '-jar',
      apicurioJar(home),
    ],
    { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      output = (output + bytes.toString()).slice(-5000)
    })
  }
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`
  try {
    await until(nodePlatform().clock, () => answers(url, child, () => output), {
      what: 'the start of Apicurio',
      timeoutMs: START_TIMEOUT_MS,
      intervalMs: 100,
    })
  } catch (error) {
    await end(child)
    throw error
  }
  return { url, close: () => end(child) }
}

async function answers(url: string, child: ChildProcess, output: () => string): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`Apicurio ended with ${child.exitCode}\n${output()}`)
  try {
    return (await fetch(`${url}/subjects`)).ok
  } catch {
    return false
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}
