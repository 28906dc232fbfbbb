/**
 * The topics of the broker, by name and by id.
 *
 * What exists is told by a table on the disk (topic-table.ts). A topic is in the table before its logs are made,
 * and out of it before they are deleted: whatever a crash leaves behind is settled at the next start
 * (open-topics.ts).
 */
import type { Logger } from '../../core/logger.ts'
import { topicNameFault } from '../../core/topic-name.ts'
import { type LogConfig, resolveLogConfig } from '../../log/log-config.ts'
import type { LogDirectory } from '../../log/log-directory.ts'
import type { Platform } from '../../platform/platform.ts'
import { randomUuid } from '../../platform/random.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { Partition } from './partition.ts'
import { Topic } from './topic.ts'
import { nameFault, type TopicPlan } from './topic-creation.ts'
import { brokerFault } from './topic-fault.ts'
import type { TopicRow, TopicTable } from './topic-table.ts'

export interface TopicsOptions {
  readonly platform: Platform
  readonly logger: Logger
  readonly table: TopicTable
  readonly logs: LogDirectory
  /** Of new batches: it goes up when the broker was not shut down cleanly. */
  readonly leaderEpoch: number
  /** The plan of an internal topic, or undefined for any other. */
  readonly internalPlan: (name: string) => TopicPlan | undefined
  /** How a topic is made that a client only asked for. */
  readonly autoPlan: (name: string) => TopicPlan
}

/** Names that differ in `.` and `_` alone are one name in metrics. */
const metricName = (name: string): string => name.replaceAll('.', '_')

export class Topics {
  /** What topics get that say nothing else. */
  defaults: LogConfig
  private readonly options: TopicsOptions
  private readonly byName = new Map<string, Topic>()
  private readonly byBinaryId = new Map<string, Topic>()
  private readonly nameByMetric = new Map<string, string>()
  private brokerConfigs: ReadonlyMap<string, string>
  private list: readonly Topic[] | undefined
  /** Goes up with every topic that is made, deleted or gets partitions. */
  version = 0

  constructor(options: TopicsOptions, defaults: LogConfig, brokerConfigs: ReadonlyMap<string, string>) {
    this.options = options
    this.defaults = defaults
    this.brokerConfigs = brokerConfigs
  }

  /** In the order in which they were made. */
  get all(): readonly Topic[] {
    this.list ??= [...this.byName.values()]
    return this.list
  }

  find(name: string): Topic | undefined {
    return this.byName.get(name)
  }

  byId(id: Buffer): Topic | undefined {
    return this.byBinaryId.get(id.latin1Slice())
  }

  partition(topic: string, index: number): Partition | undefined {
    return this.byName.get(topic)?.partition(index)
  }

  /** A topic whose name differs in `.` and `_` at most. */
  colliding(name: string): string | undefined {
    return this.nameByMetric.get(metricName(name))
  }

  /** What a client is told that asks for a topic which is not there. */
  missingCode(name: string): number {
    return topicNameFault(name) === undefined
      ? ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION
      : ErrorCodes.INVALID_TOPIC_EXCEPTION
  }

  /** Makes a topic that a client asked for; a number is the error code that it is told. */
  tryAutoCreate(name: string): Topic | number {
    const fault = nameFault(name, this)
    if (fault !== undefined) return fault.code
    try {
      return this.create(this.options.internalPlan(name) ?? this.options.autoPlan(name))
    } catch (error) {
      this.options.logger.error({ topic: name, error: String(error) }, 'a topic cannot be created')
      return brokerFault(error).code
    }
  }

  /** Makes a topic as planned. @throws what the disk throws: there is no such topic then */
  create(plan: TopicPlan): Topic {
    const { name, overrides, partitionCount } = plan
    const topic = this.makeTopic(name, randomUuid(this.options.platform.random), overrides)
    this.add(topic)
    try {
      this.save(new Map([[name, partitionCount]]))
      this.makePartitions(topic, partitionCount)
      return topic
    } catch (error) {
      this.forget(topic)
      this.undo(topic)
      throw error
    }
  }

  /** Takes over a topic that was there when the broker stopped. What is missing of it is made. */
  restore(row: TopicRow): Topic {
    const id = Buffer.from(row.id, 'base64url')
    const topic = this.makeTopic(row.name, id, new Map(Object.entries(row.configs)))
    this.add(topic)
    this.makePartitions(topic, row.partitions)
    return topic
  }

  /** Deletes a topic with its records. @throws what the disk throws */
  async delete(topic: Topic): Promise<void> {
    this.forget(topic)
    try {
      this.save()
    } catch (error) {
      this.add(topic)
      throw error
    }
    for (const partition of topic.partitions) partition.wakeAll()
    for (const { index } of topic.partitions) await this.options.logs.delete(topic.name, index)
  }

  /** Raises the number of partitions. @throws what the disk throws */
  addPartitions(topic: Topic, count: number): void {
    this.save(new Map([[topic.name, count]]))
    this.makePartitions(topic, count)
  }

  /** Replaces a topic's own settings, which must have been checked. @throws what the disk throws */
  setOverrides(topic: Topic, overrides: ReadonlyMap<string, string>): void {
    const before = topic.overrides
    topic.overrides = overrides
    try {
      this.save()
    } catch (error) {
      topic.overrides = before
      throw error
    }
    this.configure(topic)
  }

  /** The settings of the broker that were changed at run time. */
  get changedBrokerConfigs(): ReadonlyMap<string, string> {
    return this.brokerConfigs
  }

  /** Replaces them, with the defaults of topics that follow. @throws what the disk throws */
  setBrokerConfigs(configs: ReadonlyMap<string, string>, defaults: LogConfig): void {
    const before = this.brokerConfigs
    this.brokerConfigs = configs
    try {
      this.save()
    } catch (error) {
      this.brokerConfigs = before
      throw error
    }
    this.defaults = defaults
    for (const topic of this.all) this.configure(topic)
  }

  /** Writes the table; `counts` has partitions that are about to be made. */
  save(counts: ReadonlyMap<string, number> = new Map()): void {
    this.options.table.write({
      leaderEpoch: this.options.leaderEpoch,
      topics: this.all.map(({ name, id, partitionCount, overrides }) => ({
        name,
        id: id.toString('base64url'),
        partitions: counts.get(name) ?? partitionCount,
        configs: Object.fromEntries(overrides),
      })),
      brokerConfigs: Object.fromEntries(this.brokerConfigs),
    })
  }

  private makeTopic(name: string, id: Buffer, overrides: ReadonlyMap<string, string>): Topic {
    const internal = this.options.internalPlan(name) !== undefined
    const config = resolveLogConfig(Object.fromEntries(overrides), this.defaults)
    return new Topic({ name, id, internal, overrides, config })
  }

  private makePartitions(topic: Topic, count: number): void {
    const { logs, platform } = this.options
    const { name, id, config } = topic
    this.version++
    const failed = new Set(
      logs.failures.filter((failure) => failure.topic === name).map(({ partition }) => partition),
    )
    while (topic.partitionCount < count) {
      const index = topic.partitionCount
      if (failed.has(index)) {
        topic.addPartition(undefined)
        continue
      }
      const log = logs.get(name, index) ?? logs.create({ topic: name, partition: index, topicId: id, config })
      topic.addPartition(new Partition({ topic: name, topicId: id, index, log, clock: platform.clock }))
    }
  }

  private configure(topic: Topic): void {
    topic.config = resolveLogConfig(Object.fromEntries(topic.overrides), this.defaults)
    for (const { log } of topic.partitions) log.updateConfig(topic.config)
  }

  private add(topic: Topic): void {
    this.byName.set(topic.name, topic)
    this.byBinaryId.set(topic.id.latin1Slice(), topic)
    this.nameByMetric.set(metricName(topic.name), topic.name)
    this.list = undefined
  }

  private forget(topic: Topic): void {
    this.version++
    this.byName.delete(topic.name)
    this.byBinaryId.delete(topic.id.latin1Slice())
    this.nameByMetric.delete(metricName(topic.name))
    this.list = undefined
  }

  /** Takes away what was made of a topic that could not be made whole. */
  private undo(topic: Topic): void {
    const failed = (error: unknown): void => {
      const fields = { topic: topic.name, error: String(error) }
      this.options.logger.error(fields, 'what is left of a topic that could not be made stays on the disk')
    }
    try {
      this.save()
    } catch (error) {
      failed(error)
    }
    for (const { index } of topic.partitions) this.options.logs.delete(topic.name, index).catch(failed)
  }
}
