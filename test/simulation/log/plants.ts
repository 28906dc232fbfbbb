/** Faults that are planted to see that the checker finds them: one per kind of anomaly. */
import type { LogDirectory } from '../../../src/log/log-directory.ts'
import type { PartitionLog } from '../../../src/log/partition-log.ts'
import type { SimulatedDisk } from '../../../src/platform/simulated/disk.ts'
import type { CrashKind } from './partition-model.ts'

export interface Plant {
  /** Stands between the test and the log. */
  readonly wrap?: (log: PartitionLog) => PartitionLog
  readonly beforeOpen?: (disk: SimulatedDisk) => void
  readonly afterOpen?: (disk: SimulatedDisk) => void
  readonly afterCrash?: (disk: SimulatedDisk, kind: CrashKind) => void
  readonly clean?: (directory: LogDirectory, nowMs: number) => Promise<void>
}
