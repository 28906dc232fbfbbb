/**
 * What must never be seen of a log: Jepsen's list for Kafka-like logs (tests/kafka.clj: lost write, duplicate, aborted
 * read, inconsistent offsets, nonmonotonic poll, poll skip, unseen), and what a log on one disk can do wrong besides.
 */
import { Anomaly as SimulationAnomaly } from '../seeds/anomaly.ts'

export const anomalies = {
  'lost-write':
    'a record that was acknowledged, or shown to a reader, is gone, though `flush` covers the crash',
  duplicate: 'one value stands at two offsets',
  'inconsistent-offsets': 'an offset has another value than it had',
  phantom: 'a record that nobody wrote',
  'aborted-read': 'read_committed gives a record of an aborted transaction',
  'uncommitted-read': 'read_committed gives a record of a transaction that has not ended',
  'torn-transaction': 'read_committed gives some records of a committed transaction and leaves out others',
  'nonmonotonic-poll': 'a reader gets a record again, or records out of order',
  'poll-skip': 'a reader is led past a record that is there',
  unseen: 'a record that was acknowledged is seen by no reader in the end',
  'lost-producer-state': 'a batch is taken twice, or refused, because a producer’s sequences were forgotten',
  'lost-fence': 'a batch or marker of an older epoch is taken',
  'wrong-bounds': 'the high watermark or last stable offset is not where the records put it',
  'resurrected-records': 'deleted records can be read again',
  'early-deletion': 'records are gone that no setting lets go',
  'index-misfit': 'an index does not fit its segment',
  'wrong-time-lookup': 'a lookup by time gives another record',
  'cut-too-much': 'recovery took sound batches away',
  'false-alarm': 'a log is read-only or does not open, though nothing is damaged',
  wedged: 'a log refuses work though the disk is in order',
  broken: 'an invariant or an unnamed error',
} as const

export type AnomalyKind = keyof typeof anomalies

export class Anomaly extends SimulationAnomaly<AnomalyKind> {
  constructor(kind: AnomalyKind, detail: string, cause?: unknown) {
    super(kind, anomalies[kind], detail, cause)
  }
}

/** Reports an anomaly unless the condition holds. */
export function expect(condition: boolean, kind: AnomalyKind, detail: () => string): asserts condition {
  if (!condition) throw new Anomaly(kind, detail())
}
