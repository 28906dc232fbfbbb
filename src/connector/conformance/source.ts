/**
 * What every source must do, as tests: call `sourceConformance` in a test file of the connector.
 *
 * The suite makes worlds: an outside with known content. Each scenario gets new ones.
 */
import assert from 'node:assert/strict'
import { isMillraceError } from '../../core/errors.ts'
import { silentLogger } from '../../core/logger.ts'
import type { Platform } from '../../platform/platform.ts'
import { isFailedEvent } from '../event.ts'
import type { Json } from '../json.ts'
import type { ConfiguredSource, OpenSource, Source, SourceBatch } from '../source.ts'
import { claimed, runScenarios, type Waivers } from './scenario.ts'

/** An event as the world knows it. */
export interface ExpectedEvent {
  readonly unit: string
  readonly line: number
  /** The body, or undefined for a part that cannot be read. */
  readonly body?: unknown
  /** The error code of such a part. */
  readonly failed?: string
}

export interface SourceWorld {
  readonly source: ConfiguredSource
  readonly platform: Platform
  readonly baseDirectory: string
  /** All that is there, in the order in which it is read. At least three batches in two units. */
  readonly expected: readonly ExpectedEvent[]
  /** Drives the world until the promise settles; needed on a virtual clock. */
  run?<T>(promise: Promise<T>): Promise<T>
  /** Adds something that the source finds, and says what. */
  grow?(): readonly ExpectedEvent[]
  /** Prepares that the next read waits for something that takes its time. */
  hold?(): void
  /** What the source holds open outside. */
  openHandles?(): number
  /** The n-th operation on the outside from now on fails; returns whether it came to that. */
  failAt?(nth: number): void
}

export interface SourceSuite {
  readonly name: string
  make(): SourceWorld | Promise<SourceWorld>
  /** A world in which some parts cannot be read. */
  makeBad?(): SourceWorld | Promise<SourceWorld>
  /** A world whose names (files, keys, headers) are as hostile as the outside allows. */
  makeHostile?(): SourceWorld | Promise<SourceWorld>
  readonly waivers?: Waivers
}

interface Opened {
  readonly source: Source
  readonly controller: AbortController
}

class Harness {
  readonly world: SourceWorld

  constructor(world: SourceWorld) {
    this.world = world
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.world.run?.(promise) ?? promise
  }

  async open(options: Pick<OpenSource, 'position' | 'units'> = {}): Promise<Opened> {
    const { platform, baseDirectory, source } = this.world
    const controller = new AbortController()
    const surroundings = { name: 'conformance', platform, baseDirectory, logger: silentLogger }
    const opened = source.open({ ...surroundings, ...options, signal: controller.signal })
    return { source: await this.run(opened), controller }
  }

  read(opened: Opened): ReturnType<Source['read']> {
    return this.run(opened.source.read())
  }

  /** All batches up to `idle` or `ended`. */
  async readAll(opened: Opened): Promise<SourceBatch[]> {
    const batches: SourceBatch[] = []
    for (;;) {
      const batch = await this.read(opened)
      if (typeof batch === 'string') return batches
      batches.push(batch)
    }
  }

  async readAllFrom(options: Pick<OpenSource, 'position' | 'units'> = {}): Promise<SourceBatch[]> {
    const opened = await this.open(options)
    try {
      return await this.readAll(opened)
    } finally {
      await this.run(opened.source.close())
    }
  }
}

async function harnessOf(suite: SourceSuite): Promise<Harness> {
  return new Harness(await suite.make())
}

function describeBatches(batches: readonly SourceBatch[]): ExpectedEvent[] {
  return batches.flatMap(({ unit, events }) =>
    events.map((event): ExpectedEvent => {
      const line = event.origin?.line ?? 0
      if (isFailedEvent(event)) return { unit, line, failed: event.failed.code }
      const { body } = event
      return { unit, line, body: body instanceof Uint8Array ? Buffer.from(body).toString('latin1') : body }
    }),
  )
}

function assertEvents(
  batches: readonly SourceBatch[],
  expected: readonly ExpectedEvent[],
  what: string,
): void {
  assert.deepEqual(plain(describeBatches(batches)), plain(expected), what)
}

/** Without the difference between objects with and without prototype. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

function viaJson(position: Json): Json {
  return JSON.parse(JSON.stringify(position)) as Json
}

async function readsEverythingOnce(suite: SourceSuite): Promise<void> {
  const harness = await harnessOf(suite)
  const batches = await harness.readAllFrom()
  assertEvents(batches, harness.world.expected, 'everything, in order')
  assert.ok(batches.length >= 3, 'the world gives at least three batches')
  assert.ok(new Set(batches.map((batch) => batch.unit)).size >= 2, 'the world gives at least two units')
}

async function goesOnFromEveryPosition(suite: SourceSuite): Promise<void> {
  const harness = await harnessOf(suite)
  const batches = await harness.readAllFrom()
  for (const [index, batch] of batches.entries()) {
    const rest = await harness.readAllFrom({ position: viaJson(batch.position) })
    const before = describeBatches(batches.slice(0, index + 1)).length
    assertEvents(rest, harness.world.expected.slice(before), `from the position of batch ${index}`)
  }
}

async function survivesRestartsAfterEveryBatch(suite: SourceSuite): Promise<void> {
  const harness = await harnessOf(suite)
  const batches: SourceBatch[] = []
  for (;;) {
    const last = batches.at(-1)
    const opened = await harness.open(last === undefined ? {} : { position: viaJson(last.position) })
    const batch = await harness.read(opened)
    await harness.run(opened.source.close())
    if (typeof batch === 'string') break
    batches.push(batch)
    assert.ok(batches.length < 10_000, 'it comes to an end')
  }
  assertEvents(batches, harness.world.expected, 'everything once')
}

async function findsWhatComesLater(suite: SourceSuite): Promise<void> {
  const harness = await harnessOf(suite)
  const opened = await harness.open()
  const before = await harness.readAll(opened)
  const grow = claimed(harness.world.grow, 'grow')
  const added = grow.call(harness.world)
  const later = await harness.readAll(opened)
  await harness.run(opened.source.close())
  assertEvents(later, added, 'what was added, by the same source')
  const position = before.at(-1)!.position
  assertEvents(await harness.readAllFrom({ position }), added, 'what was added, after a restart')
}

async function closeReleasesEverything(suite: SourceSuite): Promise<void> {
  for (const reads of [0, 1, 2, Number.POSITIVE_INFINITY]) {
    const harness = await harnessOf(suite)
    const openHandles = claimed(harness.world.openHandles, 'openHandles')
    const before = openHandles.call(harness.world)
    const opened = await harness.open()
    for (let count = 0; count < reads; count++) {
      if (typeof (await harness.read(opened)) === 'string') break
    }
    await harness.run(opened.source.close())
    assert.equal(openHandles.call(harness.world), before, `after ${reads} reads`)
  }
}

async function theSignalEndsAWait(suite: SourceSuite): Promise<void> {
  const harness = await harnessOf(suite)
  const opened = await harness.open()
  await harness.readAll(opened)
  claimed(harness.world.hold, 'hold').call(harness.world)
  const reading = opened.source.read()
  opened.controller.abort()
  await assert.rejects(harness.run(reading), (error) => isMillraceError(error, 'MR_ABORTED'))
  await harness.run(opened.source.close())
}

async function aFaultLosesAndRepeatsNothing(suite: SourceSuite): Promise<void> {
  for (let nth = 1; ; nth++) {
    const harness = await harnessOf(suite)
    const failAt = claimed(harness.world.failAt, 'failAt')
    failAt.call(harness.world, nth)
    const batches: SourceBatch[] = []
    const failed = await readUntilFault(harness, batches)
    failAt.call(harness.world, Number.POSITIVE_INFINITY)
    const last = batches.at(-1)
    const rest = await harness.readAllFrom(last === undefined ? {} : { position: last.position })
    assertEvents([...batches, ...rest], harness.world.expected, `with a fault at operation ${nth}`)
    if (!failed) return
  }
}

async function readUntilFault(harness: Harness, batches: SourceBatch[]): Promise<boolean> {
  let opened: Opened | undefined
  try {
    opened = await harness.open()
    for (;;) {
      const batch = await harness.read(opened)
      if (typeof batch === 'string') return false
      batches.push(batch)
    }
  } catch (error) {
    assert.ok(isMillraceError(error), `a fault is a MillraceError, not ${String(error)}`)
    return true
  } finally {
    if (opened !== undefined) await harness.run(opened.source.close())
    assert.equal(harness.world.openHandles?.() ?? 0, 0, 'a fault leaves nothing open')
  }
}

async function badPartsAreEvents(suite: SourceSuite): Promise<void> {
  const harness = new Harness(await claimed(suite.makeBad, 'makeBad').call(suite))
  const batches = await harness.readAllFrom()
  assertEvents(batches, harness.world.expected, 'good and bad, in order')
  const failed = batches.flatMap((batch) => batch.events).filter(isFailedEvent)
  assert.ok(failed.length > 0, 'the world has parts that cannot be read')
  for (const event of failed) {
    assert.ok(
      event.failed.where?.includes(String(event.origin.line)),
      `the error says where: ${event.failed.where}`,
    )
    assert.ok(event.origin.bytes instanceof Uint8Array)
  }
}

async function hostileNamesAreOnlyNames(suite: SourceSuite): Promise<void> {
  const harness = new Harness(await claimed(suite.makeHostile, 'makeHostile').call(suite))
  const batches = await harness.readAllFrom()
  assertEvents(batches, harness.world.expected, 'everything, in order')
  for (const [index, batch] of batches.entries()) {
    const rest = await harness.readAllFrom({ position: viaJson(batch.position) })
    const before = describeBatches(batches.slice(0, index + 1)).length
    assertEvents(rest, harness.world.expected.slice(before), `from the position of batch ${index}`)
  }
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
}

async function aSetOfUnitsIsReadAgain(suite: SourceSuite): Promise<void> {
  const harness = await harnessOf(suite)
  assert.ok(harness.world.source.replayable, 'the source says that it is replayable')
  const first = await harness.readAllFrom()
  const ends = first.filter((batch) => batch.unitChecksum !== undefined)
  const units = ends.map((batch) => batch.unit)
  assert.deepEqual(
    units,
    [...new Set(first.map((batch) => batch.unit))],
    'every unit has a checksum at its end',
  )
  harness.world.grow?.()
  const again = await harness.readAllFrom({ units })
  assertEvents(again, harness.world.expected, 'only these units, whatever was added')
  const checksums = again.filter((batch) => batch.unitChecksum !== undefined)
  assert.deepEqual(
    checksums.map((batch) => batch.unitChecksum),
    ends.map((batch) => batch.unitChecksum),
  )
  assert.deepEqual(
    viaJson(again.at(-1)!.position),
    viaJson(first.at(-1)!.position),
    'and the same position behind',
  )
  const opened = await harness.open({ units: [] })
  assert.equal(await harness.read(opened), 'ended', 'a set of no units ends')
  await harness.run(opened.source.close())
}

async function positionsAreJson(suite: SourceSuite): Promise<void> {
  const harness = await harnessOf(suite)
  const batches = await harness.readAllFrom()
  const texts = batches.map((batch) => JSON.stringify(batch.position))
  for (const [index, batch] of batches.entries())
    assert.deepEqual(viaJson(batch.position), batch.position, texts[index])
  assert.equal(new Set(texts).size, texts.length, 'no two positions are the same')
}

const scenarios = {
  'reads everything once, in order': readsEverythingOnce,
  'goes on from every position': goesOnFromEveryPosition,
  'survives a restart after every batch': survivesRestartsAfterEveryBatch,
  'finds what comes later, and only that': findsWhatComesLater,
  'close releases everything': closeReleasesEverything,
  'the signal ends a wait': theSignalEndsAWait,
  'a fault in the middle loses and repeats nothing': aFaultLosesAndRepeatsNothing,
  'parts that cannot be read are events': badPartsAreEvents,
  'hostile names are only names': hostileNamesAreOnlyNames,
  'a set of units is read again as it was': aSetOfUnitsIsReadAgain,
  'positions survive JSON and differ': positionsAreJson,
} as const

export function sourceConformance(suite: SourceSuite): void {
  runScenarios(suite, scenarios)
}
