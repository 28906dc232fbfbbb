/** Puts a broker together: topics and their logs first, then the coordinators that keep their state in them. */
import type { Logger } from '../core/logger.ts'
import type { Platform } from '../platform/platform.ts'
import type { BrokerParts } from './broker-parts.ts'
import { defaultTopicConfig, type ResolvedConfig } from './config/broker-config.ts'
import {
  Coordinators,
  GROUP_TOPIC,
  internalTopicPlan,
  internalTopics,
  TRANSACTION_TOPIC,
} from './coordinators.ts'
import { FetchSessions } from './fetch/fetch-session.ts'
import { LongPolls } from './fetch/long-poll.ts'
import { GroupCoordinator } from './groups/group-coordinator.ts'
import type { TopicsView, TopicView } from './groups/target-assignment.ts'
import { announcedRanges } from './handlers/handler.ts'
import { handlers } from './handlers/register.ts'
import { MemoryBudget } from './listener/memory-budget.ts'
import type { OpenedDataDirectory } from './open-data-directory.ts'
import { Security } from './security/security.ts'
import { openTopics } from './topics/open-topics.ts'
import type { Topic } from './topics/topic.ts'
import { Topics } from './topics/topics.ts'
import { ProducerIds } from './transactions/producer-ids.ts'
import { TransactionCoordinator } from './transactions/transaction-coordinator.ts'

export interface PartsOptions extends OpenedDataDirectory {
  readonly platform: Platform
  readonly logger: Logger
  readonly config: ResolvedConfig
  readonly dataDirectory: string
}

function makeTopics(options: PartsOptions): Topics {
  const { platform, logger, config, logs, table, content } = options
  const { settings, topicDefaults } = config
  const changed = new Map(Object.entries(content.brokerConfigs))
  const topics = new Topics(
    {
      platform,
      logger,
      table,
      logs,
      leaderEpoch: content.leaderEpoch,
      internalPlan: (name) => (internalTopics.has(name) ? internalTopicPlan(name, settings) : undefined),
      autoPlan: (name) => ({ name, partitionCount: settings['num.partitions'], overrides: new Map() }),
    },
    defaultTopicConfig(topicDefaults, changed),
    changed,
  )
  const strays = openTopics(topics, { logs, rows: content.topics, random: platform.random, logger })
  if (strays || options.changed) topics.save()
  return topics
}

/** Topics as consumer groups see them. */
function topicsView(topics: Topics): TopicsView {
  const view = ({ name, hexId, partitionCount }: Topic): TopicView => ({ name, id: hexId, partitionCount })
  return {
    get version() {
      return topics.version
    },
    find: (name) => {
      const topic = topics.find(name)
      return topic === undefined ? undefined : view(topic)
    },
    all: () => topics.all.filter(({ internal }) => !internal).map(view),
  }
}

export function makeParts(options: PartsOptions): BrokerParts {
  const { platform, logger, config, logs } = options
  const { settings, topicDefaults } = config
  const { clock, random, disk } = platform
  const topics = makeTopics(options)
  const coordinators = new Coordinators(topics, settings, clock)
  const groups = new GroupCoordinator({
    clock,
    random,
    logger,
    settings,
    topics: topicsView(topics),
    logOf: (groupId) => coordinators.groupLog(groupId),
    partitionOf: (groupId) => coordinators.groupPartition(groupId),
  })
  const transactions = new TransactionCoordinator({
    clock,
    logger,
    producerIds: new ProducerIds(disk, options.dataDirectory),
    timeoutMsMax: settings['transaction.max.timeout.ms'],
    expirationMs: settings['transactional.id.expiration.ms'],
    verification: settings['transaction.partition.verification.enable'],
    logOf: (transactionalId) => coordinators.transactionLog(transactionalId),
    partitionOf: (topic, partition) => topics.partition(topic, partition),
    isOffline: (topic, partition) => {
      const found = topics.find(topic)
      return (
        found !== undefined && partition < found.partitionCount && found.partition(partition) === undefined
      )
    },
    marked: ({ topic, index }, producerId, commit) => {
      if (topic === GROUP_TOPIC) groups.transactionDecided(index, producerId, commit)
    },
  })
  groups.load(coordinators.present(GROUP_TOPIC))
  for (const { log } of coordinators.present(TRANSACTION_TOPIC)) transactions.load(log)
  return {
    platform,
    logger,
    settings,
    topicDefaults,
    dataDirectory: options.dataDirectory,
    clusterId: logs.clusterId,
    nodeId: settings['node.id'],
    apis: announcedRanges(handlers),
    topics,
    coordinators,
    groups,
    transactions,
    fetchSessions: new FetchSessions({
      clock,
      random,
      slots: settings['max.incremental.fetch.session.cache.slots'],
    }),
    longPolls: new LongPolls(clock),
    security: new Security({ platform, logger, config, dataDirectory: options.dataDirectory }),
    responseBudget: new MemoryBudget(settings['queued.max.response.bytes']),
  }
}
