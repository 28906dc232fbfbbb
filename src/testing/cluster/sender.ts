/**
 * The program of a test cluster that sends the records, each after the one before was acknowledged or given up.
 *
 * - `duplicate`: what was acknowledged is sent a second time a little later, to the same partition. The producer is
 *   idempotent, so that nothing but this doubles a record.
 * - `reorder`: a record waits up to the fault's time, and those after it go on; only those of its key come after it.
 */
import type { Producer, RecordMetadata, RecordToSend } from '../../client/producer/producer.ts'
import { type Clock, sleep } from '../../platform/clock.ts'
import type { SimulatedRandom } from '../../platform/simulated/random.ts'
import type { Fault } from './fault.ts'

export interface SenderOptions {
  readonly producer: Producer
  readonly clock: Clock
  readonly chance: SimulatedRandom
  readonly everyMs: number
  /** The faults that are in force now. */
  readonly faults: () => Iterable<Fault>
}

export class Sender {
  readonly acknowledged: number[] = []
  readonly uncertain: number[] = []
  readonly duplicated: number[] = []
  private readonly options: SenderOptions
  /** What is on its way of each key: the records behind it wait. */
  private readonly lines = new Map<string, Promise<void>>()
  private readonly underWay = new Set<Promise<void>>()

  constructor(options: SenderOptions) {
    this.options = options
  }

  /** Resolves when every record was acknowledged or given up, the second copies too. */
  async send(records: readonly RecordToSend[]): Promise<void> {
    const { clock, everyMs } = this.options
    for (const [index, record] of records.entries()) {
      const heldMs = this.drawHeldMs()
      const sending = this.inLine(record, () => this.sendOne(record, index, heldMs))
      // Without the fault the order is that of the list.
      if (heldMs === 0) await sending
      if (everyMs > 0) await sleep(clock, everyMs)
    }
    while (this.underWay.size > 0) await Promise.all(this.underWay)
  }

  /** After the records of its key that are under way. */
  private inLine({ topic, key }: RecordToSend, send: () => Promise<void>): Promise<void> {
    if (key === null || key === undefined) return this.follow(send())
    const line = `${topic} ${Buffer.from(key).toString('base64')}`
    const before = this.lines.get(line)
    const sending = before === undefined ? send() : before.then(send)
    const done = sending.then(() => {
      if (this.lines.get(line) === done) this.lines.delete(line)
    })
    this.lines.set(line, done)
    return this.follow(done)
  }

  private follow(work: Promise<void>): Promise<void> {
    const followed = work.finally(() => this.underWay.delete(followed))
    this.underWay.add(followed)
    return followed
  }

  private async sendOne(record: RecordToSend, index: number, heldMs: number): Promise<void> {
    const { producer, clock } = this.options
    if (heldMs > 0) await sleep(clock, heldMs)
    let written: RecordMetadata
    try {
      written = await producer.send(record)
    } catch {
      this.uncertain.push(index)
      return
    }
    this.acknowledged.push(index)
    const afterMs = this.drawCopyMs()
    if (afterMs === undefined) return
    this.duplicated.push(index)
    void this.follow(this.copy({ ...record, partition: written.partition }, afterMs))
  }

  /** Nobody waits for its answer, which is what makes a program send twice. */
  private async copy(record: RecordToSend, afterMs: number): Promise<void> {
    await sleep(this.options.clock, afterMs)
    await this.options.producer.send(record).catch(() => {})
  }

  /** How long a record is held up; 0 without the fault. */
  private drawHeldMs(): number {
    for (const fault of this.options.faults())
      if (fault.kind === 'reorder')
        return 1 + this.options.chance.within([0, Math.max(0, fault.withinMs - 1)])
    return 0
  }

  /** How long after the first a second copy is sent; undefined for none. */
  private drawCopyMs(): number | undefined {
    const { chance } = this.options
    for (const fault of this.options.faults())
      if (fault.kind === 'duplicate' && chance.chance(fault.share)) return chance.within(fault.afterMs)
    return undefined
  }
}
