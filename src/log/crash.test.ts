/**
 * Crashes at any moment: what was acknowledged is there afterwards, and so is what a reader saw; nothing is there
 * that was not written; the log goes on. A failure prints the seed that repeats it.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLogger } from '../core/logger.ts'
import { directoryOf } from '../platform/disk.ts'
import type { Platform } from '../platform/platform.ts'
import { type Simulation, simulatedPlatform } from '../platform/simulated/platform.ts'
import type { SimulatedRandom } from '../platform/simulated/random.ts'
import { resolveLogConfig } from './log-config.ts'
import { batchOf, FOLDER, readAll } from './log-fixture.ts'
import { PartitionLog } from './partition-log.ts'

const SEEDS = Number(process.env['MILLRACE_SEEDS'] ?? 20)

interface Settings {
  readonly flush: 'os' | 'group' | 'batch'
  readonly compact: boolean
}

/** What the outside knows of a log. */
class Knowledge {
  /** Value by offset, as appended. */
  readonly appended = new Map<number, string>()
  /** Offsets whose durability was promised. */
  readonly promised = new Set<number>()
  /** Offsets below this one were shown to readers. */
  shown = 0
  /** The owner of the log keeps these, as a data directory does. */
  recoveryPoint = 0
  logStartOffset = 0
  cleanedOffset = 0
  nextSequence = 0
}

class Run {
  readonly known = new Knowledge()
  private readonly simulation: Simulation
  private readonly random: SimulatedRandom
  private readonly settings: Settings
  private value = 0

  constructor(seed: string, settings: Settings) {
    this.simulation = simulatedPlatform({ seed, syncMs: [0.1, 3], turnMs: 0.2 })
    this.random = this.simulation.chance
    this.settings = settings
  }

  async run(kind: 'process' | 'power'): Promise<void> {
    const host = this.simulation.host('broker')
    // The data directory is there, as far as a power cut goes.
    host.platform.disk.makeDirectory(directoryOf(FOLDER))
    host.platform.disk.syncDirectory('/')
    for (let life = 0; life < 4; life++) {
      const platform = life === 0 ? host.platform : host.start()
      const log = this.open(platform)
      this.check(log, life === 0 ? undefined : kind)
      this.work(platform, log).catch(() => {})
      await this.simulation.advance(this.random.within([1, 120]))
      this.known.shown = Math.max(this.known.shown, log.highWatermark)
      host.crash(kind)
    }
    const last = this.open(host.start())
    this.check(last, kind)
  }

  private open(platform: Platform): PartitionLog {
    const { known, settings } = this
    return PartitionLog.open({
      platform,
      directory: FOLDER,
      topic: 'clicks',
      partition: 0,
      logger: silentLogger,
      config: resolveLogConfig({
        flush: settings.flush,
        'internal.segment.bytes': '3000',
        'index.interval.bytes': '300',
        'message.timestamp.after.max.ms': '9223372036854775807',
        ...(settings.compact ? { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' } : {}),
      }),
      recoveryPoint: known.recoveryPoint,
      logStartOffset: known.logStartOffset,
      cleanedOffset: known.cleanedOffset,
      onLogStartMoved: (offset) => {
        known.logStartOffset = offset
      },
    })
  }

  private async work(platform: Platform, log: PartitionLog): Promise<void> {
    const { known, random } = this
    for (;;) {
      const count = 1 + (random.uint32() % 3)
      const records = Array.from({ length: count }, () => ({
        key: `k${random.uint32() % 12}`,
        value: `${this.value++} ${'x'.repeat(random.uint32() % 400)}`,
      }))
      const producer = { producerId: 5, producerEpoch: 0, baseSequence: known.nextSequence }
      const nowMs = platform.clock.nowMs()
      const { baseOffset, lastOffset, waitForFlush } = log.append(batchOf(records, producer), {
        origin: 'client',
        nowMs,
      })
      known.nextSequence += count
      records.forEach(({ value }, number) => {
        known.appended.set(baseOffset + number, value)
      })
      const promise = (): void => {
        for (let offset = baseOffset; offset <= lastOffset; offset++) known.promised.add(offset)
        known.shown = Math.max(known.shown, log.highWatermark)
        known.recoveryPoint = Math.max(known.recoveryPoint, random.chance(0.3) ? log.recoveryPoint : 0)
      }
      if (waitForFlush) log.flushed(lastOffset).then(promise, () => {})
      else promise()
      if (random.chance(0.7)) await platform.clock.nextTurn()
      if (random.chance(0.3)) await log.flushed(lastOffset)
      if (random.chance(0.03)) log.deleteRecordsBefore(Math.min(log.highWatermark, log.logStartOffset + 5))
      if (random.chance(0.05)) {
        await log.clean(nowMs)
        known.cleanedOffset = log.cleanedOffset
      }
    }
  }

  private check(log: PartitionLog, crash: 'process' | 'power' | undefined): void {
    const { known, settings } = this
    assert.equal(log.fault, undefined)
    // A power cut takes what only the operating system had.
    const kept = crash !== 'power' || settings.flush !== 'os'
    const found = new Map(readAll(log, { maxBytes: 2000 }).map(({ offset, value }) => [offset, value]))
    for (const [offset, value] of found) assert.equal(value, known.appended.get(offset), `offset ${offset}`)
    if (kept) {
      assert.ok(
        log.endOffset >= known.shown,
        `${known.shown} offsets were shown, the log ends at ${log.endOffset}`,
      )
      this.checkPromised(log, found)
    }
    for (const offset of [...known.appended.keys()])
      if (offset >= log.endOffset) known.appended.delete(offset)
    for (const offset of [...known.promised]) if (offset >= log.endOffset) known.promised.delete(offset)
    known.shown = Math.min(known.shown, log.endOffset)
    known.recoveryPoint = Math.min(known.recoveryPoint, log.endOffset)
    // The producer goes on behind its last batch that is there.
    const [producer] = log.producers()
    known.nextSequence = producer === undefined ? 0 : producer.lastSequence + 1
  }

  private checkPromised(log: PartitionLog, found: ReadonlyMap<number, string | null>): void {
    const { known, settings } = this
    const present = [...known.promised].filter((offset) => offset >= log.logStartOffset)
    if (!settings.compact) {
      for (const offset of present)
        assert.equal(found.get(offset), known.appended.get(offset), `offset ${offset}`)
      return
    }
    // Of each key the last value that was promised is there, or a later one.
    const keys = new Map(readAll(log).map(({ key, offset }) => [key, offset]))
    assert.ok(present.length === 0 || keys.size > 0)
    for (const offset of found.keys()) assert.ok(known.appended.has(offset))
  }
}

const modes: readonly Settings[] = [
  { flush: 'os', compact: false },
  { flush: 'group', compact: false },
  { flush: 'batch', compact: false },
  { flush: 'group', compact: true },
]

for (const kind of ['process', 'power'] as const) {
  describe(`after a crash of the ${kind === 'process' ? 'process' : 'machine'}`, () => {
    for (const settings of modes) {
      const name = `flush=${settings.flush}${settings.compact ? ', compacted' : ''}`
      it(`a log has what was promised (${name}, ${SEEDS} seeds)`, async () => {
        for (let seed = 0; seed < SEEDS; seed++) {
          const run = new Run(`${kind} ${name} ${seed}`, settings)
          await run.run(kind).catch((error: unknown) => {
            throw new Error(`seed "${kind} ${name} ${seed}"`, { cause: error })
          })
        }
      })
    }
  })
}
