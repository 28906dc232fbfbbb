import assert from 'node:assert/strict'
import { it } from 'node:test'
import { silentLogger } from '../../core/logger.ts'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import type { InputPartition } from '../task/input-partition.ts'
import { Purge } from './purge.ts'

const input = (topic: string, internal: boolean, offset: number): InputPartition =>
  ({ topic, partition: 0, internal, position: () => ({ offset, metadata: '' }) }) as InputPartition

it('deletes what is behind the commit of internal topics, once an interval', async () => {
  const { clock } = simulatedPlatform({ seed: 1 })
  const calls: unknown[] = []
  let fails = false
  const admin = {
    async deleteRecords(
      partitions: readonly { topic: string; partition: number; beforeOffset: number }[],
    ): Promise<Map<string, number>> {
      calls.push(partitions)
      if (fails) throw new Error('no broker')
      return new Map(partitions.map((one) => [`${one.topic}/${one.partition}`, one.beforeOffset]))
    },
  }
  const purge = new Purge(admin, clock, silentLogger)
  const commit = async (offset: number, afterMs: number): Promise<unknown> => {
    await clock.advance(afterMs)
    calls.length = 0
    purge.committed([input('orders', false, 70), input('by-user', true, offset)])
    await purge.idle()
    return calls[0]
  }
  const upTo = (beforeOffset: number) => [{ topic: 'by-user', partition: 0, beforeOffset }]
  assert.equal(await commit(5, 29_999), undefined, 'the interval has not passed')
  assert.deepEqual(await commit(6, 1), upTo(6))
  assert.equal(await commit(9, 29_999), undefined)
  assert.deepEqual(await commit(9, 1), upTo(9))
  assert.equal(await commit(9, 30_000), undefined, 'nothing new')
  fails = true
  assert.deepEqual(await commit(12, 30_000), upTo(12))
  fails = false
  assert.deepEqual(await commit(12, 30_000), upTo(12), 'tried again')
})
