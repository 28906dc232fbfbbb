import type { Platform } from '../platform.ts'
import { nodeClock } from './clock.ts'
import { nodeDisk } from './disk.ts'
import { nodeNet } from './net.ts'
import { nodeRandom } from './random.ts'

/** The platform of a real process. */
export function nodePlatform(): Platform {
  return { clock: nodeClock, random: nodeRandom(), disk: nodeDisk, net: nodeNet }
}
