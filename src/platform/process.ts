/** The process that Millrace runs in, as the command line sees it. */

export type ProcessSignal = 'SIGINT' | 'SIGTERM'

export interface MemoryUse {
  readonly rssBytes: number
  /** The most that `rssBytes` ever was in this process. */
  readonly peakRssBytes: number
}

export interface Process {
  /** The arguments after the program's name. */
  readonly argv: readonly string[]
  readonly cwd: string
  readonly pid: number
  /** `linux-x64`, `darwin-arm64`, `win32-x64`, … */
  readonly platform: string
  /** Without a leading `v`. */
  readonly nodeVersion: string
  /** The environment variable, or undefined when it is not set. */
  env(name: string): string | undefined
  /** The status with which the process ends by itself. */
  setExitCode(code: number): void
  /** Ends the process now, whatever is still open. */
  exit(code: number): never
  /** Calls `run` at each such signal, which then no longer ends the process. The result takes that back. */
  onSignal(signal: ProcessSignal, run: () => void): () => void
  /** User and system time that all threads of the process have used. */
  cpuSeconds(): number
  memory(): MemoryUse
  /**
   * From now on the part of the heap where new objects are made does not grow. For servers that hold many
   * connections and make little that lives on: by default that part alone grows to 64 MB.
   */
  holdYoungHeap(): void
  /** Since the process was started: before its first line of JavaScript. */
  uptimeMs(): number
}
