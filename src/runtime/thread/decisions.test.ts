import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json } from '../../core/serde.ts'
import { pipeline } from '../../dsl/pipeline.ts'
import type { SubTopology } from '../../plan/plan.ts'
import type { Task } from '../task/task.ts'
import { Decisions } from './decisions.ts'

const app = pipeline('app')
app
  .stream('in', json<number>())
  .mapAsync((n) => n, { name: 'asked', order: 'per-key', onFailure: 'park' })
  .to('out')
const [part] = app.plan().subTopologies as readonly SubTopology[]

const taskWith = (keys: readonly string[], more: Partial<Task> = {}): Task =>
  ({
    id: { subTopology: 0, partition: 0 },
    part,
    ready: true,
    ended: false,
    decide: (_operator: string, key: string) => (keys.includes(key) ? 1 : 0),
    ...more,
  }) as unknown as Task

const about = (key: string) => ({ operator: 'asked', key, decision: 'skip' as const })
const records = (n: number) => [{ subTopology: 0, partition: 0, records: n, ended: false }]

/** What has become of it so far. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  const pending = new Promise<string>((resolve) => setImmediate(resolve, 'pending'))
  return Promise.race([
    promise.then(
      () => 'resolved',
      () => 'rejected',
    ),
    pending,
  ])
}

describe('decisions of a thread', () => {
  it('are answered once they are committed, and at once when there was nothing to decide', async () => {
    const decisions = new Decisions()
    const [found, missing] = [decisions.ask(about('a')), decisions.ask(about('b'))]
    assert.equal(await stateOf(missing), 'pending')
    decisions.take([taskWith(['a'])])
    assert.deepEqual(await missing, records(0))
    assert.equal(await stateOf(found), 'pending')
    decisions.committed()
    assert.deepEqual(await found, records(1))
  })

  it('are rejected when what was done is undone, or the thread ends', async () => {
    const decisions = new Decisions()
    const undone = decisions.ask(about('a'))
    decisions.take([taskWith(['a'])])
    decisions.undone()
    await assert.rejects(undone, { code: 'MR_STORE_MOVING', retriable: true })
    const taken = decisions.ask(about('a'))
    decisions.take([taskWith(['a'])])
    const waiting = decisions.ask(about('a'))
    decisions.end()
    await assert.rejects(taken, { code: 'MR_STORE_MOVING' })
    await assert.rejects(waiting, { code: 'MR_STORE_MOVING' })
    assert.deepEqual(await decisions.ask(about('a')), [])
  })

  it('are not forgotten when a task fails while it decides', async () => {
    const decisions = new Decisions()
    const failing = decisions.ask(about('a'))
    const decide = () => {
      throw new Error('the transport is gone')
    }
    assert.throws(() => decisions.take([taskWith([], { decide })]), /transport/)
    decisions.end()
    await assert.rejects(failing, { code: 'MR_STORE_MOVING' })
  })

  it('pass over tasks that are not restored and those without the operator', async () => {
    const decisions = new Decisions()
    const asked = decisions.ask(about('a'))
    const other = { ...part, operators: [] } as unknown as SubTopology
    decisions.take([taskWith(['a'], { ready: false }), taskWith(['a'], { part: other })])
    assert.deepEqual(await asked, [])
  })
})
