/** `millrace serve` in a process of its own, from the source or as it is published. */
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root, tools } from '../../scripts/repository.ts'
import { within } from '../../src/platform/clock.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'

const READY_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 60_000
/** The command line in the source. */
export const sourceProgram: string = join(root, 'src/cli/main.ts')

export interface Served {
  readonly address: string
  readonly pid: number
  stop(): Promise<void>
}

/** Builds what would be published into a folder of this repository; gives the module of its command line. */
export function buildInto(directory: string): string {
  const options = ['-p', 'tsconfig.build.json', '--outDir', directory]
  const run = spawnSync(process.execPath, [tools.tsc, ...options], { cwd: root, encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`the source does not compile:\n${run.stdout}${run.stderr}`)
  return join(directory, 'src/cli/main.js')
}

export async function startServe(program: string, directory: string): Promise<Served> {
  const run = `import(${JSON.stringify(program)}).then((cli) => cli.main())`
  const words = ['serve', '--port', '0', '--data', directory]
  const flags = ['--conditions=millrace-source', '--disable-warning=ExperimentalWarning']
  // A dash stands where the name of a program would be.
  const child = spawn(process.execPath, [...flags, '-e', run, '-', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const lines: string[] = []
  const ready = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line)
      const address = /"endpoints":\["([^"]+)"\].*"ready"/.exec(line)?.[1]
      if (address !== undefined) resolve(address)
    })
    void ended.then(() => reject(new Error(`the broker ended:\n${lines.join('\n')}`)))
  })
  try {
    const address = await within(nodeClock, READY_TIMEOUT_MS, 'a broker that is ready', ready)
    return {
      address,
      pid: child.pid ?? 0,
      async stop() {
        child.kill('SIGTERM')
        await within(nodeClock, STOP_TIMEOUT_MS, 'the end of the broker', ended).finally(() =>
          child.kill('SIGKILL'),
        )
      },
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}
