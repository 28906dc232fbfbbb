/** A thread of a pipeline that runs in a worker, seen from the main thread. */
import { MillraceError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Threads } from '../../platform/threads.ts'
import type { RunningThread } from '../../runtime/pipeline-runtime.ts'
import type { ThreadSnapshot } from '../../runtime/thread/thread-snapshot.ts'
import { type FromWorker, revivedError, type ToWorker, type WorkerData } from './worker-messages.ts'

const nothingYet: ThreadSnapshot = { tasks: [], inputs: [], restoredRecords: 0, commits: 0 }

export function startWorkerThread(threads: Threads, data: WorkerData, logger: Logger): RunningThread {
  // In the published package this module and the worker's are JavaScript.
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const thread = threads.start<FromWorker, ToWorker>({
    module: new URL(`./pipeline-worker.${ending}`, import.meta.url),
    name: `millrace ${data.pipeline} ${data.index}`,
    data,
  })
  let snapshot = nothingYet
  const done = new Promise<void>((resolve, reject) => {
    thread.onMessage((message) => {
      if (message.kind === 'snapshot') snapshot = message.snapshot
      else if (message.kind === 'log') logger[message.level](message.fields, message.message)
      else if (message.kind === 'failed') reject(revivedError(message.error))
      else resolve()
    })
    thread.onExit(({ code, error }) => {
      reject(
        new MillraceError(
          'MR_TASK_FAILED',
          `worker ${data.index} of pipeline "${data.pipeline}" ended with ${code}`,
          {
            cause: error,
          },
        ),
      )
    })
  })
  return {
    done,
    stop: () => thread.post({ kind: 'stop' }),
    drainTo: (endOffsets) => thread.post({ kind: 'drain', endOffsets }),
    snapshot: () => snapshot,
  }
}
