/**
 * Makes the coordinator and the partitions agree, before anybody is served.
 *
 * 1. Look at every producer of every partition: recovery-rules.ts says what is amiss.
 * 2. Write the abort markers that are due, and give another producer to ids whose states were lost, or may have
 *    been: a partition that could show it cannot be opened.
 * 3. Carry out what was decided before the broker stopped (`TransactionCoordinator.resume`).
 * 4. Take up partitions of transactions that go on, and wait until all of it is as safe as the topics ask.
 *
 * Doing it a second time, after a crash in the middle, ends the same: a marker that is written already makes its
 * producer look closed, at an epoch that the coordinator does not know if the producer is still to be replaced.
 *
 * A transaction of which no log knows is left open while part of the coordinator's own log cannot be read: its
 * decision may stand there.
 */
import type { Logger } from '../../core/logger.ts'
import { partitionName, type TopicPartition } from '../../core/record.ts'
import type { ProducerSummary } from '../../log/log-types.ts'
import type { CoordinatorLog } from '../coordinator-log.ts'
import { TRANSACTION_TOPIC } from '../coordinators.ts'
import type { Partition } from '../topics/partition.ts'
import type { Topics } from '../topics/topics.ts'
import { abortEpoch, mayHaveJoined, type RecoveryStep, recoveryStep } from './recovery-rules.ts'
import { hasPartition, type Transaction } from './transaction.ts'
import type { TransactionCoordinator } from './transaction-coordinator.ts'

export interface RecoverOptions {
  readonly topics: Topics
  readonly transactions: TransactionCoordinator
  readonly logger: Logger
  readonly logOf: (transactionalId: string) => CoordinatorLog
  /** Every partition of the transaction log can be read. */
  readonly logsComplete: boolean
  /** The broker was not shut down cleanly. */
  readonly crashed: boolean
}

interface Finding {
  readonly partition: Partition
  readonly producer: ProducerSummary
  readonly transaction: Transaction | undefined
  readonly step: RecoveryStep
}

/** @throws what the logs throw */
export async function recoverTransactions(options: RecoverOptions): Promise<void> {
  const { transactions } = options
  const found = look(options)
  const fenced = new Set([...fencedIds(found), ...doubtfulIds(options)])
  const findings = fencedWhole(found, fenced)
  const waits: Promise<void>[] = []
  for (const finding of findings) {
    const { step } = finding
    if (step !== 'abort' && step !== 'fence') continue
    if (finding.transaction === undefined && !options.logsComplete) continue
    const wait = abort(finding, step, options)
    // A sync that fails stops its log, which says so.
    if (wait !== undefined) waits.push(wait.catch(() => {}))
  }
  for (const id of fenced) transactions.replaceProducer(id)
  await transactions.resume()
  for (const { partition, producer, transaction, step } of findings) {
    if (step !== 'takeUp') continue
    const { id, producerId, version } = transaction!
    const name = { topic: partition.topic, partition: partition.index }
    options.logger.warn(
      { ...name, transactionalId: id },
      'a partition is taken up into its transaction again',
    )
    const claim = { transactionalId: id, producerId, producerEpoch: producer.producerEpoch }
    const code = transactions.add(claim, [name], version)
    if (code instanceof Promise) waits.push(code.then(() => {}))
  }
  await Promise.all(waits)
}

function look({ topics, transactions, logOf }: RecoverOptions): readonly Finding[] {
  const byProducer = new Map<number, Transaction>()
  for (const transaction of transactions.all) byProducer.set(transaction.producerId, transaction)
  const findings: Finding[] = []
  for (const topic of topics.all) {
    for (const partition of topic.partitions) {
      const { log } = partition
      if (log.fault !== undefined) continue
      for (const producer of log.producers()) {
        const transaction = byProducer.get(producer.producerId)
        const step = recoveryStep(transaction, {
          producerEpoch: producer.producerEpoch,
          open: producer.currentTransactionFirstOffset >= 0,
          listed: hasPartition(transaction?.partitions ?? new Map(), partition.topic, partition.index),
          durable:
            transaction !== undefined &&
            log.config.flush !== 'os' &&
            logOf(transaction.id).partition.log.config.flush !== 'os',
        })
        if (step !== 'none') findings.push({ partition, producer, transaction, step })
      }
    }
  }
  return findings
}

/** If one partition shows that states were lost, none of the producer's is taken up. */
function fencedWhole(findings: readonly Finding[], fenced: ReadonlySet<string>): readonly Finding[] {
  return findings.map((finding) =>
    finding.step === 'takeUp' && fenced.has(finding.transaction!.id)
      ? { ...finding, step: 'fence' as const }
      : finding,
  )
}

function fencedIds(findings: readonly Finding[]): ReadonlySet<string> {
  return new Set(findings.filter(({ step }) => step === 'fence').map(({ transaction }) => transaction!.id))
}

/** Ids that may have written where nobody can look, without a note of it. */
function doubtfulIds(options: RecoverOptions): readonly string[] {
  const { logger, logOf, transactions } = options
  const silent = options.crashed ? silentPartitions(options.topics) : []
  if (silent.length === 0) return []
  const doubtful = [...transactions.all].filter((transaction) => {
    // Notes that are on the disk at once are not lost.
    if (logOf(transaction.id).partition.log.config.flush === 'batch') return false
    return silent.some(({ topic, partition }) => {
      return mayHaveJoined(transaction, hasPartition(transaction.partitions, topic, partition))
    })
  })
  if (doubtful.length > 0) {
    logger.warn(
      {
        partitions: silent.map(({ topic, partition }) => partitionName(topic, partition)),
        transactionalIds: doubtful.length,
      },
      'producers are fenced that may have written to partitions which cannot be opened',
    )
  }
  return doubtful.map(({ id }) => id)
}

/** Partitions that cannot be asked what is open in them, and whose acknowledged records a power cut does not take. */
function silentPartitions(topics: Topics): readonly TopicPartition[] {
  return topics.all.flatMap((topic) => {
    if (topic.config.flush === 'os' || topic.name === TRANSACTION_TOPIC) return []
    const places = Array.from({ length: topic.partitionCount }, (_, partition) => ({
      topic: topic.name,
      partition,
    }))
    return places.filter(({ partition }) => {
      const online = topic.partition(partition)
      return online === undefined || online.log.fault !== undefined
    })
  })
}

function abort(
  { partition, producer, transaction }: Finding,
  step: 'abort' | 'fence',
  { logger, transactions }: RecoverOptions,
): Promise<void> | undefined {
  if (producer.currentTransactionFirstOffset < 0) return undefined
  const { producerId, producerEpoch } = producer
  logger.warn(
    { topic: partition.topic, partition: partition.index, producerId, transactionalId: transaction?.id },
    'an open transaction that nobody can end is aborted',
  )
  return transactions.abortIn(partition, { producerId, producerEpoch: abortEpoch(step, producerEpoch) })
}
