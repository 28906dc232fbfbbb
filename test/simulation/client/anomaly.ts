/**
 * What must never be seen by clients: Jepsen's list for Kafka-like logs (tests/kafka.clj), for the part that a client
 * can see, and what concerns groups, positions and progress.
 */
import { Anomaly as SimulationAnomaly } from '../seeds/anomaly.ts'

export const anomalies = {
  'lost-write': 'a record that was acknowledged, or whose transaction was committed, is not there in the end',
  duplicate: 'one value stands at two offsets',
  phantom: 'a record that nobody wrote',
  'inconsistent-offsets': 'one offset had two values, or a send was told of another offset',
  'aborted-read': 'read_committed gives a record of an aborted transaction',
  'dirty-read': 'read_committed gives a record of a transaction before its commit was asked for',
  'torn-transaction': 'some records of a transaction are there and others are not',
  'zombie-write': 'a record of a fenced producer is behind those of its successor',
  'nonmonotonic-poll': 'a consumer gets a record again, or records out of order',
  'poll-skip': 'a consumer is led past a record that is there',
  'nonmonotonic-send':
    'two records of one producer stand in a partition in the other order than they were sent',
  'out-of-order': 'two records of one key stand in the other order than they were sent, or in two partitions',
  unseen: 'a record is there in the end, and who should have read it has not',
  'lost-commit': 'a committed position went back',
  'repeated-input': 'a record was transformed twice, though outputs and positions are one transaction',
  'skipped-input': 'a record was not transformed, though the position has passed it',
  stuck: 'something does not come to its end though all faults are over',
  broken: 'an invariant, or an error without a name',
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
