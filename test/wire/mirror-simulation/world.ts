/**
 * Two brokers and a mirror between them on the simulated platform. The mirror's process is killed at moments from a
 * seed and started again until it comes to the end; in some runs the target's broker is killed too. In the end both
 * sides are compared.
 */
import assert from 'node:assert/strict'
import { Broker } from '../../../src/broker/broker.ts'
import { createAdmin } from '../../../src/client/admin/admin.ts'
import { Cluster } from '../../../src/client/cluster.ts'
import { Mirror } from '../../../src/client/mirror/mirror.ts'
import { createProducer } from '../../../src/client/producer/producer.ts'
import { partitionName, type TopicPartition } from '../../../src/core/record.ts'
import { sleep } from '../../../src/platform/clock.ts'
import { type Simulation, simulatedPlatform } from '../../../src/platform/simulated/platform.ts'
import { readCommitted, sendSomeBatches } from './records.ts'

const PORT = 9092
/** Its log has gaps when the mirror begins. */
const COMPACTED = 'payments'
const TOPICS = ['orders', COMPACTED]
const compaction = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0', 'segment.ms': '1000' }
const COMPACTED_AFTER_MS = 60_000
const PARTITIONS = 2
const KILLS = 8
const KILLED_WITHIN_MS = 20
const GROUP = 'billing'

export interface Outcome {
  readonly records: number
  readonly kills: number
  /** Kills that left a transaction open at the target. */
  readonly torn: number
  /** Offsets between records, of which the source has none. */
  readonly gaps: number
  /** Records that the last mirror did not need to copy, because earlier ones had. */
  readonly kept: number
}

const partitions: readonly TopicPartition[] = TOPICS.flatMap((topic) =>
  Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition })),
)

const keyed = ({ topic }: TopicPartition): boolean => topic === COMPACTED

/** Runs one seed. Throws when a record was lost, doubled or changed, or a group would read from elsewhere. */
export async function simulateMirror(seed: number | string): Promise<Outcome> {
  const world = new World(seed)
  return world.simulation.runUntil(world.run(), {
    limitMs: 3_600_000,
    limitEvents: 20_000_000,
    what: 'the run',
  })
}

class World {
  readonly simulation: Simulation
  private kills = 0
  private torn = 0
  private written = 0
  private gaps = 0

  constructor(seed: number | string) {
    this.simulation = simulatedPlatform({ seed })
  }

  async run(): Promise<Outcome> {
    const brokers = [await this.startBroker('source'), await this.startBroker('target')]
    const source = this.cluster('writer', 'source')
    const target = this.cluster('reader', 'target')
    const topics = TOPICS.map((topic) => ({ topic, partitions: PARTITIONS }))
    await createAdmin(source).createTopics(topics)
    await this.compact(source)
    for (let round = 0; round < KILLS; round++) {
      await this.killedMirror(target)
      if (this.choose(2) === 0) await this.write(source)
    }
    await this.commitPositions(source)
    const copied = await this.mirror(() => {})
    const records = await this.compare(source, target)
    await Promise.all([source.close(), target.close()])
    for (const broker of brokers) await broker.close()
    return { records, kills: this.kills, torn: this.torn, kept: records - copied, gaps: this.gaps }
  }

  /** Writes, and lets the broker compact one of the topics; from then on it keeps what it has. */
  private async compact(source: Cluster): Promise<void> {
    const admin = createAdmin(source)
    const topic = { type: 'topic', name: COMPACTED } as const
    await admin.alterConfigs([{ ...topic, configs: compaction }])
    for (let round = 0; round < 3; round++) {
      await this.write(source)
      await this.pause(COMPACTED_AFTER_MS)
    }
    const asBefore = Object.fromEntries(Object.keys(compaction).map((name) => [name, null]))
    await admin.alterConfigs([{ ...topic, configs: asBefore }])
  }

  /** Starts a mirror and kills its process at some moment, if it has not come to its end by then. */
  private async killedMirror(target: Cluster): Promise<void> {
    const host = this.simulation.host('mirror')
    let ended = false
    let copying = false
    const run = this.mirror(() => {
      copying = true
    }).then(() => {
      ended = true
    })
    run.catch(() => {})
    // Half of the moments are counted from the start, the others from when records are under way.
    if (this.choose(1) === 0) while (!copying && !ended) await this.pause(1)
    await this.pause(this.choose(KILLED_WITHIN_MS))
    host.crash('process')
    host.start()
    if (ended) return
    this.kills++
    if (await this.hasOpenTransaction(target)) this.torn++
  }

  /** Copies to the ends of now and moves groups. Gives the number of records copied. */
  private async mirror(onCopy: () => void): Promise<number> {
    const [source, target] = [this.cluster('mirror', 'source'), this.cluster('mirror', 'target')]
    const mirror = await Mirror.open({ source, target, topics: TOPICS, transactionBytes: 10_000 })
    await mirror.prepare()
    onCopy()
    await mirror.copy({ follow: false })
    await mirror.moveGroups()
    const { records } = mirror.progress
    await mirror.close()
    await Promise.all([source.close(), target.close()])
    return records
  }

  /** Transactions, some of which are aborted, and batches outside of them. */
  private async write(source: Cluster): Promise<void> {
    const choose = (max: number): number => this.choose(max)
    const plain = createProducer(source)
    const transactional = createProducer(source, { transactionalId: 'writer' })
    await transactional.init()
    for (let round = 0; round < 4; round++) {
      const name = `w${this.written++}`
      for (const at of partitions)
        sendSomeBatches(plain, at, { batches: 1 + choose(4), choose, name, keyed: keyed(at) })
      await plain.flush()
      transactional.begin()
      for (const at of partitions)
        sendSomeBatches(transactional, at, { batches: choose(2), choose, name: `t${name}`, keyed: keyed(at) })
      await (choose(2) === 0 ? transactional.abort() : transactional.commit())
    }
    await Promise.all([plain.close(), transactional.close()])
  }

  /** Somewhere in each partition, also on offsets that have no record. */
  private async commitPositions(source: Cluster): Promise<void> {
    const admin = createAdmin(source)
    const ends = await admin.listOffsets(partitions, { at: 'latest' })
    await admin.alterGroupOffsets(
      GROUP,
      partitions.map((at) => ({
        ...at,
        offset: this.choose(ends.get(partitionName(at.topic, at.partition))!.offset),
      })),
    )
  }

  private async compare(source: Cluster, target: Cluster): Promise<number> {
    const [here, there] = await Promise.all(
      [source, target].map((cluster) => createAdmin(cluster).groupOffsets(GROUP, partitions)),
    )
    let records = 0
    for (const at of partitions) {
      const name = partitionName(at.topic, at.partition)
      const [wanted, found] = [await readCommitted(source, at), await readCommitted(target, at)]
      assert.deepEqual(
        found.map(({ compression, content }) => [compression, content]),
        wanted.map(({ compression, content }) => [compression, content]),
        name,
      )
      const left = (list: typeof wanted, from: number): number =>
        list.filter(({ offset }) => offset >= from).length
      assert.equal(
        left(found, there!.get(name)!.offset),
        left(wanted, here!.get(name)!.offset),
        `${GROUP} ${name}`,
      )
      records += wanted.length
      if (at.topic === COMPACTED) this.gaps += wanted.filter(({ offset }, n) => offset > n).length
    }
    return records
  }

  private async hasOpenTransaction(target: Cluster): Promise<boolean> {
    const known = await createAdmin(target).listTransactions({ states: ['Ongoing'] })
    return known.length > 0
  }

  private cluster(host: string, broker: string): Cluster {
    const { platform } = this.simulation.host(host)
    return new Cluster({ platform, brokers: [`${broker}:${PORT}`], requestTimeoutMs: 3000 })
  }

  private async startBroker(name: string): Promise<Broker> {
    const { platform } = this.simulation.host(name)
    const broker = await Broker.open({ platform, dataDirectory: '/data' })
    await broker.listen({ host: '127.0.0.1', port: PORT, advertisedHost: name, advertisedPort: PORT })
    return broker
  }

  private choose(max: number): number {
    return this.simulation.chance.within([0, max])
  }

  private pause(ms: number): Promise<void> {
    return sleep(this.simulation.clock, ms)
  }
}
