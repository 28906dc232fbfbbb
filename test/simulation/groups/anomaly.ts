/** What must never be seen of a broker's group and transaction coordinators. */
import { Anomaly as SimulationAnomaly } from '../seeds/anomaly.ts'

export const anomalies = {
  'two-owners': 'a partition was handed to two members in one generation or epoch',
  'forgotten-member': 'a member that was alive when the broker stopped is unknown after the restart',
  'old-generation': 'a commit of an old generation or epoch was taken',
  'lost-commit': 'a committed offset that was acknowledged is gone',
  'offset-went-back': 'a committed offset is smaller than it was',
  unsettled: 'a group whose members live does not settle',
  'aborted-read': 'a record, or an offset, of a transaction that was not committed is seen as committed',
  'lost-transaction': 'a record, or an offset, of a committed transaction is not seen',
  'torn-transaction': 'a part of a transaction is seen as committed, and a part is not',
  unfenced: 'a producer of an old epoch was served',
  'hanging-transaction': 'a transaction stays open past its time-out',
  broken: 'a request failed inside the broker, or the broker does not open',
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
