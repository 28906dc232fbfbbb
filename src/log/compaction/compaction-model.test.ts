import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SimulatedDisk } from '../../platform/simulated/disk.ts'
import { codecs } from '../../protocol/compression/codec.ts'
import { appendTo, NOW_MS, openTestLog, type ReadRecord, readCommitted } from '../log-fixture.ts'

const settings = {
  'cleanup.policy': 'compact',
  'internal.segment.bytes': '600',
  'index.interval.bytes': '100',
  'min.cleanable.dirty.ratio': '0',
  'delete.retention.ms': '1000',
  'segment.ms': '9000000000',
}

type Step =
  | {
      readonly kind: 'put'
      readonly key: number
      readonly tombstone: boolean
      readonly codec: number
      readonly count: number
    }
  | { readonly kind: 'transact'; readonly id: number; readonly key: number; readonly tombstone: boolean }
  | { readonly kind: 'end'; readonly id: number; readonly commit: boolean }
  | { readonly kind: 'clean'; readonly laterMs: number }
  | { readonly kind: 'restart'; readonly clean: boolean }

const key = fc.nat(5)
const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('put' as const),
        key,
        tombstone: fc.boolean(),
        codec: fc.nat(4),
        count: fc.integer({ min: 1, max: 4 }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('transact' as const),
        id: fc.nat(2),
        key,
        tombstone: fc.boolean(),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('end' as const), id: fc.nat(2), commit: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('clean' as const), laterMs: fc.nat(800) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), clean: fc.boolean() }) },
  ),
  { minLength: 5, maxLength: 120 },
)

interface Row {
  readonly offset: number
  readonly key: string
  readonly value: string | null
  readonly id: number
  fate: 'open' | 'committed' | 'aborted'
}

class Compacted {
  private readonly disk = new SimulatedDisk()
  private log = openTestLog({ disk: this.disk, settings })
  private readonly rows = new Map<number, Row>()
  private readonly sequences = new Map<number, number>()
  private cleanedOffset = 0
  private nowMs = NOW_MS
  private value = 0

  async step(step: Step): Promise<void> {
    const { log } = this
    if (step.kind === 'put') {
      const records = Array.from({ length: step.count }, (_, number) => ({
        key: `k${(step.key + number) % 6}`,
        value: step.tombstone && number === 0 ? null : `v${this.value++}`,
      }))
      const { baseOffset } = appendTo(log, records, {
        compression: codecs[step.codec]!,
        ...this.sequence(100, step.count),
      })
      records.forEach((record, number) => {
        this.add({ ...record, offset: baseOffset + number, id: 100, fate: 'committed' })
      })
    } else if (step.kind === 'transact') {
      const record = { key: `k${step.key}`, value: step.tombstone ? null : `v${this.value++}` }
      const { baseOffset } = appendTo(log, [record], { transactional: true, ...this.sequence(step.id, 1) })
      this.add({ ...record, offset: baseOffset, id: step.id, fate: 'open' })
    } else if (step.kind === 'end') {
      const type = step.commit ? 'commit' : 'abort'
      log.appendControl({ type, producerId: step.id, producerEpoch: 0, coordinatorEpoch: 0, nowMs: NOW_MS })
      for (const row of this.rows.values()) {
        if (row.id === step.id && row.fate === 'open') row.fate = step.commit ? 'committed' : 'aborted'
      }
    } else if (step.kind === 'clean') {
      this.nowMs += step.laterMs
      await log.clean(this.nowMs)
      this.cleanedOffset = log.cleanedOffset
    } else {
      const { endOffset } = log
      if (step.clean) await log.close()
      const known = { cleanedOffset: this.cleanedOffset, recoveryPoint: step.clean ? endOffset : 0 }
      this.log = openTestLog({ disk: this.disk, settings, cleanShutdown: step.clean, ...known })
      assert.equal(this.log.endOffset, endOffset)
      assert.equal(this.log.fault, undefined)
    }
  }

  check(): void {
    const { log } = this
    const { lastStableOffset, cleanedOffset } = log
    const rows = readCommitted(log)
    const open = [...this.rows.values()].find((row) => row.fate === 'open')
    assert.ok(lastStableOffset <= (open?.offset ?? log.endOffset))
    const seen = new Map<string, ReadRecord[]>()
    for (const row of rows) {
      const original = this.rows.get(row.offset)
      assert.deepEqual(
        [row.key, row.value],
        [original?.key, original?.value],
        'a record is as it was written',
      )
      assert.equal(original?.fate, 'committed')
      seen.set(row.key!, [...(seen.get(row.key!) ?? []), row])
    }
    for (const name of new Set([...this.rows.values()].map((row) => row.key))) {
      const expected = [...this.rows.values()].filter(
        (row) => row.key === name && row.fate === 'committed' && row.offset < lastStableOffset,
      )
      const found = seen.get(name) ?? []
      const newest = expected.at(-1)
      const shownNewest = found.at(-1)
      // A tombstone may be gone with all before it; nothing else ever is.
      if (newest === undefined || (newest.value === null && shownNewest === undefined))
        assert.equal(shownNewest, undefined)
      else assert.equal(shownNewest?.offset, newest.offset, `the last record of ${name}`)
      const superseded = found.filter((row) => row.offset < cleanedOffset)
      assert.ok(superseded.length <= 1, `one record of ${name} where the log is compacted`)
      // What is not compacted yet is all there.
      assert.deepEqual(
        found.filter((row) => row.offset >= cleanedOffset).map((row) => row.offset),
        expected.filter((row) => row.offset >= cleanedOffset).map((row) => row.offset),
      )
    }
    for (const [id, sequence] of this.sequences) {
      const producer = log.producers().find(({ producerId }) => producerId === id)
      assert.equal(producer?.lastSequence, sequence - 1, `producer ${id} goes on where it was`)
    }
  }

  private add(row: Row): void {
    this.rows.set(row.offset, row)
  }

  private sequence(
    producerId: number,
    count: number,
  ): { producerId: number; producerEpoch: number; baseSequence: number } {
    const baseSequence = this.sequences.get(producerId) ?? 0
    this.sequences.set(producerId, baseSequence + count)
    return { producerId, producerEpoch: 0, baseSequence }
  }
}

describe('a compacted log, against a list of all that was written', () => {
  it('has the last committed record of each key, and producers as they were', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const compacted = new Compacted()
        for (const step of list) {
          await compacted.step(step)
          if (step.kind === 'clean' || step.kind === 'restart') compacted.check()
        }
        await compacted.step({ kind: 'clean', laterMs: 5000 })
        compacted.check()
      }),
      { numRuns: 250 },
    )
  })
})
