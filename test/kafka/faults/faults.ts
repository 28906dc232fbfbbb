/**
 * A real Kafka of three nodes that fails while it is written and read: what was acknowledged is there, once and in
 * order, what was aborted is not, and a group has copied each record exactly once.
 */
import { connect, type Kafka } from '../../../src/client/index.ts'
import { until } from '../../../src/platform/clock.ts'
import { nodePlatform } from '../../../src/platform/node/platform.ts'
import type { Random } from '../../../src/platform/random.ts'
import { openKafkaCluster } from '../cluster.ts'
import { type Copies, checkCopies } from './copies.ts'
import { FaultyWay } from './faulty-way.ts'
import { type Anomalies, anomalyCount, checkLog, ProducerHistory, uncertainOf } from './history.ts'
import { idempotentProducer, type Load, transactionalProducer } from './producers.ts'
import { readAll } from './read-all.ts'
import { type Scene, schedule } from './schedule.ts'
import { Worker } from './workers.ts'

export interface FaultOptions {
  /** At least so many records are sent; faults go on until then. */
  readonly records: number
  /** Of each of the four producers. */
  readonly recordsPerSecond: number
  readonly random: Random
  readonly protocol: 'classic' | 'consumer'
  readonly say: (line: string) => void
}

export interface FaultReport {
  readonly sent: number
  /** Records of transactions whose end nobody has told, and sends that were refused. */
  readonly uncertain: number
  readonly anomalies: Anomalies
  readonly copies: Copies
  /** Records of the topic that was deleted and made again: written since then, and what was lost or doubled of it. */
  readonly again: { readonly written: number; readonly anomalies: Anomalies }
  readonly faults: readonly string[]
  readonly troubles: ReadonlyMap<string, number>
}

const { clock } = nodePlatform()
const CATCH_UP_TIMEOUT_MS = 180_000
const PARTITIONS = 6
const TOPIC = 'work'
const COPIES = 'copies'
const AGAIN = 'again'
const GROUP = 'workers'

export const faultyAnomalies = ({ anomalies, copies, again }: FaultReport): number =>
  anomalyCount(anomalies) +
  copies.missing +
  copies.doubled +
  copies.outOfOrder +
  anomalyCount(again.anomalies)

/** Runs producers and workers through rounds of faults until enough is sent, and checks what stands in the log. */
export async function runFaults(options: FaultOptions): Promise<FaultReport> {
  const ways = await Promise.all([FaultyWay.open(), FaultyWay.open(), FaultyWay.open()])
  const cluster = await openKafkaCluster({
    brokers: 3,
    advertised: ways.map(({ port }) => port),
    config: { 'leader.imbalance.check.interval.seconds': '5' },
  })
  for (const [at, way] of ways.entries()) way.target = Number(cluster.brokers[at]!.split(':')[1])
  const kafka = connect({ brokers: cluster.brokers })
  try {
    return await underFaults(options, { cluster, ways, kafka })
  } finally {
    await kafka.close()
    await Promise.all(ways.map((way) => way.close()))
    await cluster.close()
  }
}

type Place = Pick<Scene, 'cluster' | 'ways' | 'kafka'>

async function underFaults(options: FaultOptions, place: Place): Promise<FaultReport> {
  const { kafka } = place
  const troubles = new Map<string, number>()
  const brokers = place.ways.map(({ port }) => `127.0.0.1:${port}`)
  await kafka
    .admin()
    .createTopics(
      [TOPIC, COPIES, AGAIN].map((topic) => ({ topic, partitions: PARTITIONS, replicationFactor: 3 })),
    )
  const histories = ['plain-1', 'plain-2', 'transactional-1', 'transactional-2'].map(
    (name) => new ProducerHistory(name),
  )
  const again = new ProducerHistory('again-1')
  let wanted = true
  const { recordsPerSecond, random } = options
  const load: Load = { brokers, topic: TOPIC, recordsPerSecond, wanted: () => wanted, troubles }
  const sending = histories.map((history) =>
    history.name.startsWith('plain')
      ? idempotentProducer(history, load)
      : transactionalProducer(history, load, random),
  )
  sending.push(idempotentProducer(again, { ...load, topic: AGAIN, recordsPerSecond: 50 }))
  const work = { brokers, from: TOPIC, to: COPIES, group: GROUP, protocol: options.protocol, troubles }
  const workers = [1, 2, 3, 4].map((number) => new Worker(`worker-${number}`, work))
  for (const worker of workers) worker.start()
  const faults: string[] = []
  const scene: Scene = {
    ...place,
    workers,
    random,
    topic: TOPIC,
    again: { topic: AGAIN, history: again, partitions: PARTITIONS },
    say: (line) => {
      faults.push(line)
      options.say(line)
    },
  }
  const sent = (): number => histories.reduce((sum, history) => sum + history.sent, 0)
  try {
    do await schedule(scene)
    while (sent() < options.records)
  } finally {
    wanted = false
    await Promise.all(sending)
  }
  await caughtUp(kafka)
  await Promise.all(workers.map((worker) => worker.end()))
  const records = await readAll(kafka, TOPIC)
  const writtenAgain = await readAll(kafka, AGAIN)
  return {
    sent: sent(),
    uncertain: histories.reduce((sum, history) => sum + uncertainOf(history), 0),
    anomalies: checkLog(histories, records),
    copies: checkCopies(records, await readAll(kafka, COPIES)),
    again: { written: writtenAgain.length, anomalies: checkLog([again], writtenAgain) },
    faults,
    troubles,
  }
}

/** Waits until the group stands where the log ends. */
async function caughtUp(kafka: Kafka): Promise<void> {
  const admin = kafka.admin()
  const [topic] = await admin.describeTopics([TOPIC])
  const partitions = topic!.partitions.map(({ partition }) => ({ topic: TOPIC, partition }))
  const holds = async (): Promise<boolean> => {
    const ends = await admin.listOffsets(partitions, { at: 'latest', isolation: 'read_committed' })
    const committed = await admin.groupOffsets(GROUP)
    return [...ends].every(([name, { offset }]) => offset === 0 || committed.get(name)?.offset === offset)
  }
  const what = 'the group has read everything'
  await until(clock, holds, { what, timeoutMs: CATCH_UP_TIMEOUT_MS, intervalMs: 200 })
}
