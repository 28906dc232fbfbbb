/** A thread of a pipeline that runs in a worker, seen from the main thread. */
import { MillraceError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Threads } from '../../platform/threads.ts'
import type { RunningThread } from '../../runtime/pipeline-runtime.ts'
import { notKept } from '../../runtime/thread/decisions.ts'
import type { ThreadSnapshot } from '../../runtime/thread/thread-snapshot.ts'
import {
  type Answers,
  type FromWorker,
  type Question,
  revivedError,
  type ToWorker,
  type WorkerData,
} from './worker-messages.ts'

const nothingYet: ThreadSnapshot = { tasks: [], inputs: [], restoredRecords: 0, commits: 0 }

/** Questions that may wait for one worker at the same time. */
const QUESTIONS_MAX = 1000

type Answer = Answers[keyof Answers]

/** Questions that a worker was sent and has not answered. */
class WaitingQuestions {
  private readonly waiting = new Map<number, PromiseWithResolvers<Answer> & { readonly question: Question }>()
  private lastId = 0
  private over = false

  /** @throws MR_LIMIT, and what the worker answers with */
  async ask(question: Question, send: (id: number) => void): Promise<Answer> {
    if (this.over) return []
    if (this.waiting.size >= QUESTIONS_MAX) {
      throw new MillraceError('MR_LIMIT', `${QUESTIONS_MAX} queries wait for one thread`, {
        hint: 'Ask fewer at the same time.',
      })
    }
    const id = ++this.lastId
    const answer = Promise.withResolvers<Answer>()
    this.waiting.set(id, { ...answer, question })
    send(id)
    return answer.promise
  }

  take(id: number): PromiseWithResolvers<Answer> | undefined {
    const answer = this.waiting.get(id)
    this.waiting.delete(id)
    return answer
  }

  /** The worker holds no tasks any more. Nobody knows what has become of a decision. */
  end(): void {
    this.over = true
    for (const { resolve, reject, question } of this.waiting.values()) {
      if (question.kind === 'decide') reject(notKept(question.request))
      else resolve([])
    }
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
  const questions = new WaitingQuestions()
  /** Answers are of the kind of their question. */
  const ask = <Q extends Question>(question: Q): Promise<Answers[Q['kind']]> =>
    questions.ask(question, (id) => thread.post({ kind: 'ask', id, question })) as Promise<Answers[Q['kind']]>
  const done = new Promise<void>((resolve, reject) => {
    thread.onMessage((message) => {
      if (message.kind === 'snapshot') snapshot = message.snapshot
      else if (message.kind === 'log') logger[message.level](message.fields, message.message)
      else if (message.kind === 'answers') questions.take(message.id)?.resolve(message.answers)
      else if (message.kind === 'unanswered') questions.take(message.id)?.reject(revivedError(message.error))
      else if (message.kind === 'failed') reject(revivedError(message.error))
      else resolve()
    })
    thread.onExit(({ code, error }) => {
      questions.end()
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
    query: (query) => ask({ kind: 'query', query }),
    parked: (most) => ask({ kind: 'parked', most }),
    decide: (request) => ask({ kind: 'decide', request }),
  }
}
