/** What the mirror of a source cluster keeps at the target, and how it is called there. */

/** Topics of the source that only Millrace or Kafka need, by their names. */
const internalNames = /^__|-(?:changelog|repartition)$/

const PREFIX = 'millrace-mirror-'

export interface MirrorNames {
  /** The group whose committed positions say how far the source was copied. */
  readonly group: string
  /** Two mirrors of one source into one target have the same: the newer one fences the older. */
  readonly transactionalId: string
  /** The topic that tells which offset each record has got. */
  readonly offsetsTopic: string
}

/** @param clusterId of the source */
export function mirrorNames(clusterId: string): MirrorNames {
  const id = clusterId.replaceAll(/[^\w.-]/g, '_')
  return {
    group: `${PREFIX}${id}`,
    transactionalId: `${PREFIX}${id}`,
    offsetsTopic: `__${PREFIX}${id}`,
  }
}

/** Whether a group is that of a mirror. */
export function isMirrorGroup(group: string): boolean {
  return group.startsWith(PREFIX)
}

/** Topics that brokers and pipelines keep for themselves: a pipeline makes its own again where it runs. */
export function isInternalTopic({ topic, internal }: { topic: string; internal: boolean }): boolean {
  return internal || internalNames.test(topic)
}
