/**
 * What Millrace needs of the machine: time, chance, disk and network, as one parameter.
 *
 * `node/` implements it on Node.js, `simulated/` in memory on a virtual clock with seeded faults, so that a
 * whole cluster runs repeatably in one thread. Nothing outside `platform/` touches Node's own.
 */
import type { Clock } from './clock.ts'
import type { Disk } from './disk.ts'
import type { Net } from './net.ts'
import type { Random } from './random.ts'

export interface Platform {
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly net: Net
}
