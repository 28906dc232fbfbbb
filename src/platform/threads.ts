/** Worker threads. Only bytes, and plain values that can be cloned, cross between threads. */

/** One end of the way between a thread and the one that started it. */
export interface ThreadEnd<In, Out> {
  /** The buffers of `transfer` move to the other thread instead of being copied. */
  post(message: Out, transfer?: readonly ArrayBuffer[]): void
  /** Messages that came before wait for it. Only one at a time listens. */
  onMessage(run: (message: In) => void): void
}

export interface ThreadExit {
  readonly code: number
  /** What the thread did not catch. */
  readonly error: Error | undefined
}

/** A thread that was started, seen from the one that started it. */
export interface Thread<In, Out> extends ThreadEnd<In, Out> {
  /** Called once. */
  onExit(run: (exit: ThreadExit) => void): void
  /** Ends the thread wherever it is; resolves when it has. */
  terminate(): Promise<void>
}

export interface StartOptions {
  /** The module that the thread runs. */
  readonly module: URL
  /** What the thread finds in `thisThread().data`; cloned. */
  readonly data?: unknown
  /** For the system's tools and error texts. */
  readonly name: string
  readonly transfer?: readonly ArrayBuffer[]
}

/** This thread, seen from inside. In the main thread there is no other end: posting does nothing. */
export interface ThisThread<In, Out> extends ThreadEnd<In, Out> {
  readonly isMain: boolean
  readonly data: unknown
  /** Ends listening, so that the thread ends when nothing else is open. */
  close(): void
}

export interface Threads {
  /** How many threads can run at the same time. */
  readonly cores: number
  start<In, Out>(options: StartOptions): Thread<In, Out>
  thisThread<In, Out>(): ThisThread<In, Out>
}
