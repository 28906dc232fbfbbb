/** Debian's kcat, found or named as missing, and run with nothing but `-b`. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

const candidates = [process.env['MILLRACE_KCAT'], '/usr/bin/kcat', '/usr/local/bin/kcat']
const kcatPath = candidates.find((file) => file !== undefined && existsSync(file))

/** For `skip` of a test; under CI a missing kcat is a failure instead. */
export const skipWithoutKcat =
  kcatPath === undefined && process.env['CI'] !== 'true' ? 'not installed: apt-get install kcat' : false

export interface KcatOutcome {
  readonly status: number | string
  readonly out: Buffer
  readonly err: string
}

const TIMEOUT_MS = 20_000

/** Runs kcat against a broker; one that does not end is killed. */
export function kcat(
  broker: string,
  parameters: readonly string[],
  input: string | Uint8Array = '',
): Promise<KcatOutcome> {
  if (kcatPath === undefined) throw new Error('not installed: apt-get install kcat')
  const child = spawn(kcatPath, ['-b', broker, ...parameters], {
    stdio: 'pipe',
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  const out: Buffer[] = []
  let err = ''
  child.stdout.on('data', (bytes: Buffer) => out.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => {
    err += bytes.toString()
  })
  // It may end without reading its input.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) =>
      resolve({ status: signal ?? code ?? -1, out: Buffer.concat(out), err }),
    )
  })
}
