/** How a Java program of the installed jars is started: quick to start, small, and with its log on standard error. */
import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { within } from '../../../src/platform/clock.ts'
import { nodeClock } from '../../../src/platform/node/clock.ts'

const RUN_TIMEOUT_MS = 40_000

export function javaCommand(
  home: string,
  mainClass: string,
  parameters: readonly string[] = [],
): { readonly command: string; readonly parameters: readonly string[] } {
  const options = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto']
  const log = `-Dlog4j2.configurationFile=${path.join(import.meta.dirname, 'log4j2.properties')}`
  const classPath = [path.join(home, 'classes'), path.join(home, 'jars', '*')].join(path.delimiter)
  return { command: 'java', parameters: [...options, log, '-cp', classPath, mainClass, ...parameters] }
}

/** A Java program that runs until it is ended. */
export class JavaProcess {
  readonly child: ChildProcess
  private readonly ended: Promise<number | string>
  out = ''
  err = ''

  constructor(home: string, mainClass: string, parameters: readonly string[] = []) {
    const { command, parameters: all } = javaCommand(home, mainClass, parameters)
    this.child = spawn(command, all, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.out += text))
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.err += text))
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject)
      this.child.once('close', (code, signal) => resolve(signal ?? code ?? 1))
    })
  }

  /** The status when it has ended by itself; one that does not is killed. */
  async end(timeoutMs = RUN_TIMEOUT_MS): Promise<number | string> {
    try {
      return await within(nodeClock, timeoutMs, 'the end of the Java program', this.ended)
    } catch (error) {
      this.child.kill('SIGKILL')
      await this.ended
      throw new Error(`${(error as Error).message}\n${this.out}${this.err}`, { cause: error })
    }
  }

  /** Asks it to end, and kills it when it does not. */
  async stop(timeoutMs = 10_000): Promise<void> {
    this.child.kill('SIGTERM')
    await this.end(timeoutMs).catch(() => {})
  }
}

/** What a tool prints; it must end well. */
export async function runJava(
  home: string,
  mainClass: string,
  parameters: readonly string[],
): Promise<string> {
  const program = new JavaProcess(home, mainClass, parameters)
  const status = await program.end()
  if (status !== 0) throw new Error(`${mainClass} ended with ${status}\n${program.out}${program.err}`)
  return program.out
}
