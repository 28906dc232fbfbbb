/**
 * Rebuilds the stores of tasks from their changelogs.
 *
 * 1. The end of each changelog partition is looked up once, behind all that was written. Nobody else writes what
 *    counts any more: the group gave its task to this thread, and the former owner can commit no positions.
 * 2. Records are read from the start to that end (read committed) and put back into the store, last value wins. A
 *    transaction that is open or whose marker is still to come is waited for: the positions may be part of it.
 */

import type { Admin } from '../../client/admin/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import { createConsumer } from '../../client/consumer/consumer.ts'
import { MillraceError } from '../../core/errors.ts'
import { partitionName } from '../../core/record.ts'
import type { Clock } from '../../platform/clock.ts'
import { batchSizeBytes, HEADER_BYTES } from '../../protocol/record-batch/layout.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { StateStore } from '../../state/store.ts'
import type { Task } from '../task/task.ts'

const POLL_MS = 100
/** A restore that reads nothing for this long has lost its broker. */
const STALLED_MS = 60_000

interface Restoring {
  readonly topic: string
  readonly partition: number
  readonly store: StateStore
  readonly endOffset: number
}

/** Restores all stores of the tasks; returns the number of records read. */
export async function restoreStores(
  tasks: readonly Task[],
  options: { readonly cluster: Cluster; readonly admin: Admin; readonly clock: Clock },
): Promise<number> {
  const wanted = tasks.flatMap((task) =>
    task.part.stores.map((store) => ({
      topic: store.changelogTopic,
      partition: task.id.partition,
      store: task.stores.get(store.spec.name) as StateStore,
    })),
  )
  if (wanted.length === 0) return 0
  const ends = await options.admin.listOffsets(wanted, { at: 'latest', isolation: 'read_uncommitted' })
  const open = new Map<string, Restoring>()
  for (const one of wanted) {
    const name = partitionName(one.topic, one.partition)
    const endOffset = ends.get(name)?.offset ?? 0
    if (endOffset > 0) open.set(name, { ...one, endOffset })
  }
  if (open.size === 0) return 0
  const consumer = createConsumer(options.cluster, { isolation: 'read_committed', offsetReset: 'earliest' })
  consumer.assign(
    [...open.values()].map(({ topic, partition }) => ({ topic, partition, offset: 'earliest' as const })),
  )
  let records = 0
  let progressMs = options.clock.monotonicMs()
  try {
    while (open.size > 0) {
      for (const fetched of await consumer.poll({ maxWaitMs: POLL_MS })) {
        const name = partitionName(fetched.topic, fetched.partition)
        const restoring = open.get(name)
        if (restoring === undefined) continue
        progressMs = options.clock.monotonicMs()
        records += apply(fetched.bytes, restoring.store)
        if (fetched.nextOffset >= restoring.endOffset) open.delete(name)
      }
      if (options.clock.monotonicMs() - progressMs > STALLED_MS)
        throw stalled([...open.values()][0] as Restoring)
    }
  } finally {
    await consumer.close()
  }
  return records
}

function apply(bytes: Buffer, store: StateStore): number {
  const reader = new RecordBatchReader()
  let count = 0
  for (let start = 0; start + HEADER_BYTES <= bytes.length; start += batchSizeBytes(bytes, start)) {
    reader.reset(bytes, start)
    while (reader.next()) {
      store.restore(reader)
      count++
    }
  }
  return count
}

function stalled({ topic, partition, endOffset }: Restoring): MillraceError {
  return new MillraceError('MR_TIMEOUT', `restoring from ${topic} got nothing for ${STALLED_MS} ms`, {
    where: `${partitionName(topic, partition)}@${endOffset}`,
    hint: 'The broker does not answer, or the changelog has records of a transaction that never ended.',
  })
}
