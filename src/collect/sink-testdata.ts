/** A sink in memory and the topic before it, for tests of deliveries. */
import {
  type ConfiguredSink,
  defineSink,
  PartialWriteError,
  type Sink,
  type SinkDelivery,
  type StoredRecord,
} from '../connector/index.ts'
import { partitionName } from '../core/record.ts'
import { sleep } from '../platform/clock.ts'
import { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.ts'
import { type DeliveryOptions, deliver } from './delivery.ts'
import type { ModelSession } from './model-log.ts'
import { SinkRunner } from './sink-runner.ts'
import { TestProgram } from './testdata.ts'

/** What a sink writes to: it outlives programs, and keeps what was flushed. */
export class SinkOutside {
  readonly flushed: string[] = []
  readonly positions = new Map<string, number>()
  readonly batchSizes: number[] = []
  opened = 0
  closed = 0
  /** Called for each write; may throw. */
  onWrite: (records: readonly StoredRecord[], write: number) => void = () => {}
  onFlush: (flush: number) => void = () => {}
  writes = 0
  flushes = 0
}

export const textOf = (record: StoredRecord): string => Buffer.from(record.value ?? []).toString()

class OutsideSink implements Sink {
  private readonly outside: SinkOutside
  private readonly wait: () => Promise<void>
  private written: StoredRecord[] = []
  readonly positions?: () => ReadonlyMap<string, number>

  constructor(outside: SinkOutside, delivery: SinkDelivery, wait: () => Promise<void>) {
    this.outside = outside
    this.wait = wait
    if (delivery === 'exactly-once') this.positions = () => new Map(outside.positions)
    outside.opened++
  }

  async write(records: readonly StoredRecord[]): Promise<void> {
    await this.wait()
    const { outside } = this
    outside.batchSizes.push(records.length)
    try {
      outside.onWrite(records, ++outside.writes)
    } catch (error) {
      if (!(error instanceof PartialWriteError)) throw error
      const failed = new Set(error.failures.map(({ index }) => index))
      this.take(records.filter((_, index) => !failed.has(index)))
      for (const { index, error: reason } of error.failures) if (!reason.retriable) this.pass(records[index]!)
      throw error
    }
    this.take(records)
  }

  async flush(): Promise<void> {
    await this.wait()
    const { outside } = this
    outside.onFlush(++outside.flushes)
    for (const record of this.written) {
      if (record.value !== null) outside.flushed.push(textOf(record))
      const name = partitionName(record.topic, record.partition)
      outside.positions.set(name, Math.max(record.offset + 1, outside.positions.get(name) ?? 0))
    }
    this.written = []
  }

  async close(): Promise<void> {
    this.outside.closed++
  }

  private take(records: readonly StoredRecord[]): void {
    this.written.push(...records)
  }

  /** A record that is refused moves the position all the same. */
  private pass(record: StoredRecord): void {
    this.written.push({ ...record, value: null })
  }
}

export interface Setting {
  readonly program: TestProgram
  readonly outside: SinkOutside
  readonly sink: ConfiguredSink
}

export function settingOf(delivery: SinkDelivery): Setting {
  const program = new TestProgram()
  program.log.makeTopic({ topic: 't', partitions: 2 })
  const outside = new SinkOutside()
  const wait = (): Promise<void> => sleep(program.simulation.clock, 1)
  const connector = defineSink({
    name: 'test',
    summary: 'Memory.',
    delivery,
    options: {},
    open: async () => new OutsideSink(outside, delivery, wait),
  })
  return { program, outside, sink: connector({}) }
}

export function produce(program: TestProgram, from: number, to: number): void {
  for (let n = from; n < to; n++) {
    const builder = new RecordBatchBuilder()
    builder.append(1000 + n, Buffer.from(`k${n}`), Buffer.from(`v${n}`), [
      { key: 'h', value: Buffer.from('x') },
    ])
    program.log.append('t', n % 2, builder)
  }
}

export function runnerOf(
  setting: Setting,
  transport: ModelSession,
  options: Partial<DeliveryOptions> = {},
): SinkRunner {
  const { program, sink } = setting
  const delivery = deliver('d', { topics: ['t'], sink, batchRecordsMax: 3, flushInterval: 10, ...options })
  return new SinkRunner({
    delivery,
    platform: program.simulation,
    transport,
    logger: program.logger,
    baseDirectory: '/',
  })
}

export const endsOf = (program: TestProgram): Map<string, number> =>
  new Map([0, 1].map((partition) => [partitionName('t', partition), program.log.endOffset('t', partition)]))

/** Runs a delivery until it has everything that is in the topic, or its program is ended. */
export async function drain(
  setting: Setting,
  session = setting.program.session(),
  options: Partial<DeliveryOptions> = {},
): Promise<'drained' | 'killed'> {
  const runner = runnerOf(setting, session, options)
  void runner.start().catch(() => {})
  const drained = runner.drainTo(endsOf(setting.program)).then(() => 'drained' as const)
  const outcome = await setting.program.run(
    Promise.race([drained, session.killed.then(() => 'killed' as const)]),
  )
  if (outcome === 'drained') await setting.program.run(runner.stop())
  return outcome
}
