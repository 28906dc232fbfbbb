/** Threads through `node:worker_threads`. */
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { messageOf } from '../../core/errors.ts'
import type { StartOptions, ThisThread, Thread, ThreadExit, Threads } from '../threads.ts'

class NodeThread<In, Out> implements Thread<In, Out> {
  private readonly worker: Worker
  private readonly ended: Promise<ThreadExit>
  private readonly waiting: In[] = []
  private listener: ((message: In) => void) | undefined

  constructor(options: StartOptions) {
    this.worker = new Worker(options.module, {
      name: options.name,
      workerData: options.data,
      transferList: [...(options.transfer ?? [])],
    })
    this.worker.on('message', (message: In) => {
      if (this.listener === undefined) this.waiting.push(message)
      else this.listener(message)
    })
    let error: Error | undefined
    this.worker.on('error', (thrown) => {
      error = thrown instanceof Error ? thrown : new Error(messageOf(thrown))
    })
    this.ended = new Promise((resolve) => this.worker.on('exit', (code) => resolve({ code, error })))
  }

  post(message: Out, transfer: readonly ArrayBuffer[] = []): void {
    this.worker.postMessage(message, [...transfer])
  }

  onMessage(run: (message: In) => void): void {
    this.listener = run
    for (const message of this.waiting.splice(0)) run(message)
  }

  onExit(run: (exit: ThreadExit) => void): void {
    void this.ended.then(run)
  }

  async terminate(): Promise<void> {
    await this.worker.terminate()
    await this.ended
  }
}

function thisThread<In, Out>(): ThisThread<In, Out> {
  return {
    isMain: isMainThread,
    data: workerData as unknown,
    post: (message, transfer = []) => parentPort?.postMessage(message, [...transfer]),
    onMessage(run) {
      parentPort?.removeAllListeners('message')
      parentPort?.on('message', run)
    },
    close: () => parentPort?.close(),
  }
}

/** The threads of this process. */
export const nodeThreads: Threads = {
  cores: availableParallelism(),
  start: (options) => new NodeThread(options),
  thisThread,
}
