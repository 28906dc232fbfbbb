/**
 * What every sink must do, as tests: call `sinkConformance` in a test file of the connector.
 *
 * The suite makes worlds: an outside that can be looked at. Records carry the texts `r0`, `r1`, … as values, by
 * which they are found there.
 */
import assert from 'node:assert/strict'
import { isMillraceError } from '../../core/errors.ts'
import { silentLogger } from '../../core/logger.ts'
import { noHeaders, partitionName, type StoredRecord } from '../../core/record.ts'
import type { Platform } from '../../platform/platform.ts'
import { PartialWriteError } from '../partial-write-error.ts'
import type { ConfiguredSink, Sink } from '../sink.ts'
import { claimed, runScenarios, type Waivers } from './scenario.ts'

export type Ending = 'process' | 'power'

export interface SinkWorld {
  readonly sink: ConfiguredSink
  /** That of the program that runs now. */
  platform(): Platform
  readonly baseDirectory: string
  /** Values that are outside now, in their order there. */
  delivered(): readonly string[] | Promise<readonly string[]>
  /** Drives the world until the promise settles; needed on a virtual clock. */
  run?<T>(promise: Promise<T>): Promise<T>
  /** Ends the program, or the machine's power with it, and starts anew. */
  crash(ending: Ending): void
  openHandles?(): number
  failAt?(nth: number): void
  /** A record that the sink refuses for good. */
  poison?(record: StoredRecord): StoredRecord
  /** Records that try to break out, and a check that they did not. */
  hostile?(): { readonly records: readonly StoredRecord[]; check(): void }
}

export interface SinkSuite {
  readonly name: string
  make(seed: number): SinkWorld | Promise<SinkWorld>
  readonly waivers?: Waivers
}

const startMs = 1_357_034_400_000

/** A record with the value `r<number>`. */
export function conformanceRecord(number: number, offset = number, partition = 0): StoredRecord {
  return {
    topic: 'conformance',
    partition,
    offset,
    timestampMs: startMs + number,
    key: Buffer.from(`k${number % 3}`),
    value: Buffer.from(`r${number}`),
    headers: noHeaders,
  }
}

function recordsFrom(from: number, to: number): StoredRecord[] {
  return Array.from({ length: to - from }, (_, index) => conformanceRecord(from + index))
}

const valuesFrom = (from: number, to: number): string[] =>
  recordsFrom(from, to).map((record) => `r${record.offset}`)

class Harness {
  readonly world: SinkWorld

  constructor(world: SinkWorld) {
    this.world = world
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.world.run?.(promise) ?? promise
  }

  async open(): Promise<Sink> {
    const { baseDirectory, sink } = this.world
    const { signal } = new AbortController()
    const platform = this.world.platform()
    return this.run(sink.open({ name: 'conformance', platform, baseDirectory, signal, logger: silentLogger }))
  }

  async write(sink: Sink, records: readonly StoredRecord[]): Promise<void> {
    await this.run(sink.write(records))
  }

  async flush(sink: Sink): Promise<void> {
    await this.run(sink.flush())
  }

  async close(sink: Sink): Promise<void> {
    await this.run(sink.close())
  }

  async delivered(): Promise<readonly string[]> {
    return this.world.delivered()
  }

  /** Checks what is outside against what a sink of this delivery may leave. */
  async assertDelivered(expected: readonly string[], what: string): Promise<void> {
    const found = await this.delivered()
    if (this.world.sink.delivery === 'exactly-once') assert.deepEqual(found, expected, what)
    else assert.deepEqual([...new Set(found)].sort(), [...expected].sort(), what)
  }

  /** Where a runner would go on after a restart, when it has committed `committed`. */
  nextOffset(sink: Sink, committed: number): number {
    return sink.positions === undefined
      ? committed
      : (sink.positions().get(partitionName('conformance', 0)) ?? 0)
  }
}

async function harnessOf(suite: SinkSuite, seed = 1): Promise<Harness> {
  return new Harness(await suite.make(seed))
}

async function deliversInOrder(suite: SinkSuite): Promise<void> {
  const harness = await harnessOf(suite)
  const sink = await harness.open()
  for (let from = 0; from < 60; from += 20) await harness.write(sink, recordsFrom(from, from + 20))
  await harness.write(sink, [])
  await harness.flush(sink)
  assert.deepEqual(await harness.delivered(), valuesFrom(0, 60))
  await harness.flush(sink)
  await harness.close(sink)
  assert.deepEqual(await harness.delivered(), valuesFrom(0, 60), 'flush and close again add nothing')
}

async function whatIsFlushedIsThere(suite: SinkSuite): Promise<void> {
  for (const ending of ['process', 'power'] as const) {
    for (let seed = 1; seed <= 20; seed++) {
      const harness = await harnessOf(suite, seed)
      const sink = await harness.open()
      await harness.write(sink, recordsFrom(0, 10))
      await harness.flush(sink)
      await harness.write(sink, recordsFrom(10, 20))
      harness.world.crash(ending)
      const again = await harness.open()
      const found = await harness.delivered()
      assert.deepEqual(found.slice(0, 10), valuesFrom(0, 10), `${ending}, seed ${seed}`)
      await harness.close(again)
    }
  }
}

async function restartsInTheMiddle(suite: SinkSuite): Promise<void> {
  for (const ending of ['process', 'power'] as const) {
    for (let seed = 1; seed <= 20; seed++) {
      const harness = await harnessOf(suite, seed)
      let committed = 0
      for (let round = 0; round < 6; round++) {
        const sink = await harness.open()
        const next = harness.nextOffset(sink, committed)
        assert.ok(next >= committed, 'positions are not before what was flushed')
        await harness.write(sink, recordsFrom(next, next + 7))
        await harness.flush(sink)
        committed = next + 7
        await harness.write(sink, recordsFrom(committed, committed + 5))
        if (round % 2 === 0) harness.world.crash(ending)
        else await harness.close(sink)
      }
      const last = await harness.open()
      const next = harness.nextOffset(last, committed)
      await harness.write(last, recordsFrom(next, 60))
      await harness.flush(last)
      await harness.close(last)
      await harness.assertDelivered(valuesFrom(0, 60), `${ending}, seed ${seed}`)
    }
  }
}

async function positionsAreThoseOfTheLastFlush(suite: SinkSuite): Promise<void> {
  const harness = await harnessOf(suite)
  const sink = await harness.open()
  const positions = claimed(sink.positions, 'positions')
  assert.equal(harness.world.sink.delivery, 'exactly-once')
  const name = partitionName('conformance', 0)
  assert.equal(positions.call(sink).get(name), undefined, 'none at first')
  await harness.write(sink, recordsFrom(0, 5))
  assert.equal(positions.call(sink).get(name), undefined, 'none before the flush')
  await harness.flush(sink)
  assert.equal(positions.call(sink).get(name), 5)
  await harness.write(sink, [conformanceRecord(5, 100), conformanceRecord(6, 3, 1)])
  await harness.flush(sink)
  await harness.close(sink)
  const again = await harness.open()
  assert.equal(again.positions?.().get(name), 101, 'offsets may have gaps')
  assert.equal(again.positions?.().get(partitionName('conformance', 1)), 4)
  await harness.close(again)
}

async function aRefusedRecordIsNamed(suite: SinkSuite): Promise<void> {
  const harness = await harnessOf(suite)
  const poison = claimed(harness.world.poison, 'poison')
  const sink = await harness.open()
  const records = recordsFrom(0, 9)
  records[4] = poison.call(harness.world, records[4]!)
  await assert.rejects(harness.run(sink.write(records)), (error) => {
    assert.ok(error instanceof PartialWriteError, `it names the record, and is not ${String(error)}`)
    const [failure, ...others] = error.failures
    assert.equal(failure?.index, 4)
    assert.equal(failure.error.retriable, false)
    assert.deepEqual(others, [], 'no other record is refused')
    return true
  })
  await harness.flush(sink)
  await harness.close(sink)
  const expected = valuesFrom(0, 9).filter((value) => value !== 'r4')
  await harness.assertDelivered(expected, 'all others are written')
}

async function closeReleasesEverything(suite: SinkSuite): Promise<void> {
  const harness = await harnessOf(suite)
  const openHandles = claimed(harness.world.openHandles, 'openHandles')
  const before = openHandles.call(harness.world)
  for (const flushes of [false, true]) {
    const sink = await harness.open()
    await harness.write(sink, recordsFrom(0, 3))
    if (flushes) await harness.flush(sink)
    await harness.close(sink)
    assert.equal(openHandles.call(harness.world), before)
  }
}

async function aFaultLosesNothing(suite: SinkSuite): Promise<void> {
  for (let nth = 1; ; nth++) {
    const harness = await harnessOf(suite, nth)
    const failAt = claimed(harness.world.failAt, 'failAt')
    failAt.call(harness.world, nth)
    let committed = 0
    const failed = await writeUntilFault(harness, (offset) => {
      committed = offset
    })
    failAt.call(harness.world, Number.POSITIVE_INFINITY)
    const sink = await harness.open()
    const next = harness.nextOffset(sink, committed)
    await harness.write(sink, recordsFrom(next, 30))
    await harness.flush(sink)
    await harness.close(sink)
    await harness.assertDelivered(valuesFrom(0, 30), `with a fault at operation ${nth}`)
    if (!failed) return
  }
}

async function writeUntilFault(harness: Harness, commit: (offset: number) => void): Promise<boolean> {
  let sink: Sink | undefined
  try {
    sink = await harness.open()
    for (let from = 0; from < 20; from += 5) {
      await harness.write(sink, recordsFrom(from, from + 5))
      await harness.flush(sink)
      commit(from + 5)
    }
    return false
  } catch (error) {
    assert.ok(isMillraceError(error), `a fault is a MillraceError, not ${String(error)}`)
    return true
  } finally {
    await sink?.close().catch(() => {})
    harness.world.crash('process')
  }
}

async function hostileNamesStayInside(suite: SinkSuite): Promise<void> {
  const harness = await harnessOf(suite)
  const { records, check } = claimed(harness.world.hostile, 'hostile').call(harness.world)
  const sink = await harness.open()
  for (const record of records) {
    try {
      await harness.write(sink, [record])
    } catch (error) {
      assert.ok(error instanceof PartialWriteError, `refused by name or written, not ${String(error)}`)
    }
  }
  await harness.flush(sink)
  await harness.close(sink)
  check()
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
}

const scenarios = {
  'delivers in order': deliversInOrder,
  'what is flushed survives the end of the process and of the power': whatIsFlushedIsThere,
  'a restart in the middle keeps the promise of its delivery': restartsInTheMiddle,
  'positions are those of the last flush': positionsAreThoseOfTheLastFlush,
  'a record that is refused is named, and the others are written': aRefusedRecordIsNamed,
  'close releases everything': closeReleasesEverything,
  'a fault at any operation loses nothing': aFaultLosesNothing,
  'hostile names stay inside': hostileNamesStayInside,
} as const

export function sinkConformance(suite: SinkSuite): void {
  runScenarios(suite, scenarios)
}
