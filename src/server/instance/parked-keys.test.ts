/** Parked keys of a running Millrace, listed and decided about from code and over HTTP: in its own thread and in workers. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect, type Kafka } from '../../client/index.ts'
import { until } from '../../platform/clock.ts'
import { nodePlatform } from '../../platform/node/platform.ts'
import { nodeThreads } from '../../platform/node/threads.ts'
import { recordFixture } from '../../testing/fixture/record-fixture.ts'
import config, { type Job } from './parked-config-fixture.ts'
import { type RunningMillrace, startOn } from './start.ts'

const platform = nodePlatform()
const configFile = join(import.meta.dirname, 'parked-config-fixture.ts')
const DEADLINE = { timeoutMs: 90_000, intervalMs: 20 }

for (const threads of [1, 2]) {
  describe(`parked keys with ${threads === 1 ? 'one thread' : `${threads} worker threads`}`, () => {
    const dataDirectory = mkdtempSync(join(tmpdir(), 'millrace-parked-'))
    let running: RunningMillrace | undefined
    let kafka: Kafka | undefined

    before(async () => {
      const ports = { brokerPort: 0, consolePort: 0 }
      const options = { dataDirectory, configFile, threads, ...ports }
      running = await startOn({ platform, threads: nodeThreads }, config, options)
      kafka = connect({ brokers: running.brokers })
      const admin = kafka.admin()
      // A task that moves later would try its parked keys again.
      const spread = async (): Promise<boolean> => {
        const [group] = await admin.describeGroups(['jobs'])
        const shares = group!.members.map(({ assignment }) => assignment.length)
        return (
          group!.state === 'Stable' &&
          shares.length === threads &&
          shares.every((share) => share === 4 / threads)
        )
      }
      await until(platform.clock, spread, { what: 'the tasks of all threads', ...DEADLINE })
      const producer = kafka.producer()
      const send = (job: Job, key: string | null) =>
        producer.send({ topic: 'in', key, value: JSON.stringify(job) })
      for (const key of ['ann', 'bob', 'cid', 'dan', 'eve']) {
        await send({ id: `${key} 1`, worksAt: key === 'eve' ? 1 : 4 }, key)
        await send({ id: `${key} 2` }, key)
      }
      for (const id of ['none 1', 'none 2']) await send({ id, worksAt: 9 }, null)
      await producer.close()
    })
    after(async () => {
      await kafka?.close()
      await running?.stop()
      rmSync(dataDirectory, { recursive: true, force: true })
    })

    const millrace = (): RunningMillrace => running!
    const parked = async (): Promise<unknown[]> =>
      (await millrace().parked()).keys.map(({ key }) => key).sort()
    const get = (path: string) => fetch(`${millrace().url}/api/parked${path}`)
    const decide = (body: unknown) =>
      fetch(`${millrace().url}/api/parked/decide`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const done = async (topic: string): Promise<string[]> => {
      const records = await recordFixture(kafka!, { topic })
      return records.map(({ value }) => JSON.parse(String(value)))
    }
    const errorOf = async (response: Response): Promise<unknown[]> => {
      const { error } = (await response.json()) as { error: { code: string; message: string } }
      return [response.status, error.code]
    }

    it('are listed with what has failed, by all threads', async () => {
      const all = async (): Promise<boolean> => {
        const listed = await millrace()
          .parked()
          .catch(() => undefined)
        return listed?.total === 6
      }
      await until(platform.clock, all, { what: 'six parked records', ...DEADLINE })
      assert.deepEqual(await parked(), ['ann', 'bob', 'cid', 'dan', null, null])
      const { keys } = await millrace().parked({ pipeline: 'jobs' })
      const ann = keys.find(({ key }) => key === 'ann')
      assert.deepEqual(
        [ann?.pipeline, ann?.operator, ann?.records, ann?.attempts, ann?.error.message, ann?.place?.topic],
        ['jobs', 'worked', 2, 2, 'ann 1 is not ready', 'in'],
      )
      assert.deepEqual(await millrace().parked({ pipeline: 'copies' }), { total: 0, keys: [] })
      const response = await get('?limit=2')
      const listed = (await response.json()) as { total: number; keys: unknown[] }
      assert.deepEqual([response.status, listed.total, listed.keys.length], [200, 6, 2])
    })

    it('are released by decisions, from code and over HTTP', async () => {
      assert.equal(await millrace().decide('worked', 'ann', 'skip'), 1)
      assert.equal(await millrace().decide('worked', 'bob', 'dead-letter', 'jobs'), 1)
      const skipped = await decide({ operator: 'worked', key: null, decision: 'skip' })
      assert.deepEqual([skipped.status, await skipped.json()], [200, { records: 2 }])
      const put = await decide({ operator: 'worked', key: 'cid', decision: 'dead-letter', pipeline: 'jobs' })
      assert.deepEqual([put.status, await put.json()], [200, { records: 1 }])
      // What was decided is committed: nothing of it is awaited.
      assert.deepEqual(await parked(), ['dan'])
      const letters = await done('jobs-dead-letters')
      assert.deepEqual(letters.map((job) => (job as unknown as Job).id).sort(), ['bob 1', 'cid 1'])
      // The third attempt fails, the fourth works.
      const attempts = async (): Promise<number | undefined> => (await millrace().parked()).keys[0]?.attempts
      assert.equal(await millrace().decide('worked', 'dan', 'retry'), 1)
      await until(platform.clock, async () => (await attempts()) === 3, {
        what: 'a third attempt',
        ...DEADLINE,
      })
      const retried = await decide({ operator: 'worked', key: 'dan', decision: 'retry' })
      assert.equal(retried.status, 200)
      const given = async (): Promise<boolean> => (await done('done')).length === 7
      await until(platform.clock, given, { what: 'the records behind them', ...DEADLINE })
      const ids = await done('done')
      assert.deepEqual(ids.toSorted(), ['ann 2', 'bob 2', 'cid 2', 'dan 1', 'dan 2', 'eve 1', 'eve 2'])
      assert.ok(ids.indexOf('dan 1') < ids.indexOf('dan 2'))
      assert.deepEqual(await parked(), [])
    })

    it('that are not there, and names that are wrong, are errors by name', async () => {
      await assert.rejects(millrace().decide('worked', 'ann', 'retry'), {
        code: 'MR_KEY_NOT_PARKED',
        message: 'key "ann" of "worked" in pipeline "jobs" is not parked',
      })
      await assert.rejects(millrace().decide('worked2', 'ann', 'retry'), {
        code: 'MR_OPERATOR_UNKNOWN',
        hint: 'Did you mean "worked"?',
      })
      await assert.rejects(millrace().decide('worked', 'ann', 'retry', 'copies'), {
        code: 'MR_OPERATOR_UNKNOWN',
        message: 'pipeline "copies" has no operator "worked" that parks keys',
      })
      await assert.rejects(millrace().decide('worked', 'ann', 'retry', 'job'), {
        code: 'MR_PIPELINE_UNKNOWN',
        hint: 'Did you mean "jobs"?',
      })
      await assert.rejects(millrace().parked({ pipeline: 'job' }), { code: 'MR_PIPELINE_UNKNOWN' })
      const one = { operator: 'worked', key: 'ann', decision: 'skip' }
      assert.deepEqual(await errorOf(await decide(one)), [404, 'MR_KEY_NOT_PARKED'])
      assert.deepEqual(await errorOf(await decide({ ...one, operator: 'x' })), [404, 'MR_OPERATOR_UNKNOWN'])
      assert.deepEqual(await errorOf(await decide({ ...one, pipeline: 'x' })), [404, 'MR_PIPELINE_UNKNOWN'])
      assert.deepEqual(await errorOf(await get('?pipeline=x')), [404, 'MR_PIPELINE_UNKNOWN'])
    })
  })
}
