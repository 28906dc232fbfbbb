/** Questions that go to a worker, whose end of the way is made up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '../../core/errors.ts'
import { silentLogger } from '../../core/logger.ts'
import type { ThreadExit, Threads } from '../../platform/threads.ts'
import type { RunningThread } from '../../runtime/pipeline-runtime.ts'
import type { TaskAnswer } from '../../runtime/queries/task-query.ts'
import { type FromWorker, plainError, type ToWorker } from './worker-messages.ts'
import { startWorkerThread } from './worker-thread.ts'

interface Worker {
  readonly thread: RunningThread
  readonly sent: ToWorker[]
  say(message: FromWorker): void
  exit(): void
}

function startWorker(): Worker {
  const sent: ToWorker[] = []
  let listener: (message: FromWorker) => void = () => {}
  let onExit: (exit: ThreadExit) => void = () => {}
  const end = {
    post: (message: ToWorker) => void sent.push(message),
    onMessage(run: typeof listener) {
      listener = run
    },
    onExit(run: typeof onExit) {
      onExit = run
    },
    terminate: async () => {},
  }
  const threads = { cores: 2, start: () => end } as unknown as Threads
  const data = { pipeline: 'shop', index: 0 } as Parameters<typeof startWorkerThread>[1]
  const thread = startWorkerThread(threads, data, silentLogger)
  thread.done.catch(() => {})
  return {
    thread,
    sent,
    say: (message) => listener(message),
    exit: () => onExit({ code: 1, error: undefined }),
  }
}

const query = { store: 'people', subTopology: 0, rowsMax: 1 }
const answers = (partition: number): readonly TaskAnswer[] => [
  { partition, rows: [], position: [], committed: true },
]
const ask = (worker: Worker) => worker.thread.query(query)
const idOf = (message: ToWorker | undefined): number => {
  assert.ok(message?.kind === 'ask')
  return message.id
}

describe('questions to a worker', () => {
  it('are answered each with its own answer, in any order', async () => {
    const worker = startWorker()
    const [first, second] = [ask(worker), ask(worker)]
    worker.say({ kind: 'answers', id: idOf(worker.sent[1]), answers: answers(2) })
    worker.say({ kind: 'answers', id: idOf(worker.sent[0]), answers: answers(1) })
    assert.deepEqual([await first, await second], [answers(1), answers(2)])
  })

  it('fail with the error of the worker', async () => {
    const worker = startWorker()
    const asked = ask(worker)
    const error = plainError(new MillraceError('MR_STORE_KIND', 'not that', { hint: 'this' }))
    worker.say({ kind: 'unanswered', id: idOf(worker.sent[0]), error })
    await assert.rejects(asked, { code: 'MR_STORE_KIND', hint: 'this' })
  })

  it('have no answer once it has ended', async () => {
    const worker = startWorker()
    const asked = ask(worker)
    worker.exit()
    assert.deepEqual(await asked, [])
    assert.deepEqual(await ask(worker), [])
    assert.equal(worker.sent.length, 1)
  })

  it('are known not to be decided when it ends before it has answered', async () => {
    const worker = startWorker()
    const request = { operator: 'asked', key: 'a', decision: 'skip' as const }
    const [first, second] = [worker.thread.decide(request), worker.thread.decide(request)]
    assert.deepEqual(
      worker.sent.map((message) => message.kind === 'ask' && message.question),
      [
        { kind: 'decide', request },
        { kind: 'decide', request },
      ],
    )
    const decided = [{ subTopology: 0, partition: 0, records: 1, ended: false }]
    worker.say({ kind: 'answers', id: idOf(worker.sent[0]), answers: decided })
    assert.deepEqual(await first, decided)
    worker.exit()
    await assert.rejects(second, { code: 'MR_STORE_MOVING', retriable: true })
    assert.deepEqual(await worker.thread.decide(request), [])
  })

  it('are refused when too many wait', async () => {
    const worker = startWorker()
    const waiting = Array.from({ length: 1000 }, () => ask(worker))
    await assert.rejects(ask(worker), { code: 'MR_LIMIT' })
    worker.exit()
    assert.deepEqual((await Promise.all(waiting)).flat(), [])
  })
})
