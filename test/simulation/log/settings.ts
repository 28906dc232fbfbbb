/** What a seed decides before anything happens: the topics' settings, the disk's faults, how much is done. */
import { type LogConfig, resolveLogConfig } from '../../../src/log/log-config.ts'
import type { DiskFault } from '../../../src/platform/simulated/disk-faults.ts'
import type { SimulatedRandom } from '../../../src/platform/simulated/random.ts'

export const HOUR_MS = 3_600_000

export function pick<T>(random: SimulatedRandom, values: readonly T[]): T {
  return values[random.within([0, values.length - 1])]!
}

export interface TopicSettings {
  readonly name: string
  readonly texts: Readonly<Record<string, string>>
}

const cleanupPolicies = ['delete', 'delete', 'compact', 'compact', 'compact,delete', ''] as const

export function drawTopic(random: SimulatedRandom, name: string): TopicSettings {
  const policy = pick(random, cleanupPolicies)
  const texts: Record<string, string> = {
    'cleanup.policy': policy,
    flush: pick(random, ['os', 'group', 'group', 'batch']),
    'internal.segment.bytes': String(random.within([1300, 6000])),
    'index.interval.bytes': String(random.within([0, 900])),
    'message.timestamp.type': random.chance(0.2) ? 'LogAppendTime' : 'CreateTime',
    'message.timestamp.after.max.ms': '9223372036854775807',
    'min.cleanable.dirty.ratio': pick(random, ['0', '0.3']),
    'delete.retention.ms': pick(random, ['0', '1000', '86400000']),
    'file.delete.delay.ms': pick(random, ['0', '50', '60000']),
    'retention.ms': pick(random, ['-1', '60', '3600000']),
    'retention.bytes': pick(random, ['-1', '-1', '4000', '20000']),
  }
  if (random.chance(0.3)) texts['segment.ms'] = String(random.within([5, 200]))
  if (random.chance(0.2)) texts['flush.messages'] = String(random.within([1, 20]))
  if (random.chance(0.2)) texts['flush.ms'] = String(random.within([0, 30]))
  if (random.chance(0.15))
    texts['compression.type'] = pick(random, ['lz4', 'gzip', 'snappy', 'zstd', 'uncompressed'])
  if (random.chance(0.2)) texts['segment.index.bytes'] = String(random.within([48, 400]))
  return { name, texts }
}

export function configOf(settings: TopicSettings): LogConfig {
  return resolveLogConfig(settings.texts)
}

const faults: readonly DiskFault[] = [
  { operation: 'sync', code: 'EIO', nth: 1 },
  { operation: 'write', code: 'ENOSPC', nth: 1, times: 5 },
  { operation: 'write', code: 'EIO', nth: 1 },
  { operation: 'open', code: 'EMFILE', nth: 1, times: 2 },
  { operation: 'rename', code: 'EIO', nth: 1 },
  { operation: 'remove', code: 'EIO', nth: 1 },
  { operation: 'truncate', code: 'EIO', nth: 1 },
  { operation: 'read', code: 'EIO', nth: 1 },
]

/** A fault of the disk at one of the next operations of its kind. */
export function drawFault(random: SimulatedRandom): DiskFault {
  const fault = pick(random, faults)
  return { ...fault, nth: random.within([1, 12]) }
}
