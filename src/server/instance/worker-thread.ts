/** A thread of a pipeline that runs in a worker, seen from the main thread. */
import { MillraceError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Threads } from '../../platform/threads.ts'
import type { RunningThread } from '../../runtime/pipeline-runtime.ts'
import type { TaskAnswer } from '../../runtime/queries/task-query.ts'
import type { ThreadSnapshot } from '../../runtime/thread/thread-snapshot.ts'
import { type FromWorker, revivedError, type ToWorker, type WorkerData } from './worker-messages.ts'

const nothingYet: ThreadSnapshot = { tasks: [], inputs: [], restoredRecords: 0, commits: 0 }

/** Queries that may wait for one worker at the same time. */
const QUERIES_MAX = 1000

/** Queries that a worker was sent and has not answered. */
class WaitingQueries {
  private readonly waiting = new Map<number, PromiseWithResolvers<readonly TaskAnswer[]>>()
  private lastId = 0
  private over = false

  /** @throws MR_LIMIT */
  async ask(send: (id: number) => void): Promise<readonly TaskAnswer[]> {
    if (this.over) return []
    if (this.waiting.size >= QUERIES_MAX) {
      throw new MillraceError('MR_LIMIT', `${QUERIES_MAX} queries wait for one thread`, {
        hint: 'Ask fewer at the same time.',
      })
    }
    const id = ++this.lastId
    const answer = Promise.withResolvers<readonly TaskAnswer[]>()
    this.waiting.set(id, answer)
    send(id)
    return answer.promise
  }

  take(id: number): PromiseWithResolvers<readonly TaskAnswer[]> | undefined {
    const answer = this.waiting.get(id)
    this.waiting.delete(id)
    return answer
  }

  /** The worker holds no tasks any more. */
  end(): void {
    this.over = true
    for (const { resolve } of this.waiting.values()) resolve([])
    this.waiting.clear()
  }
}

export function startWorkerThread(threads: Threads, data: WorkerData, logger: Logger): RunningThread {
  // In the published package this module and the worker's are JavaScript.
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const thread = threads.start<FromWorker, ToWorker>({
    module: new URL(`./pipeline-worker.${ending}`, import.meta.url),
    name: `millrace ${data.pipeline} ${data.index}`,
    data,
  })
  let snapshot = nothingYet
  const queries = new WaitingQueries()
  const done = new Promise<void>((resolve, reject) => {
    thread.onMessage((message) => {
      if (message.kind === 'snapshot') snapshot = message.snapshot
      else if (message.kind === 'log') logger[message.level](message.fields, message.message)
      else if (message.kind === 'answers') queries.take(message.id)?.resolve(message.answers)
      else if (message.kind === 'unanswered') queries.take(message.id)?.reject(revivedError(message.error))
      else if (message.kind === 'failed') reject(revivedError(message.error))
      else resolve()
    })
    thread.onExit(({ code, error }) => {
      queries.end()
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
    query: (query) => queries.ask((id) => thread.post({ kind: 'query', id, query })),
  }
}
