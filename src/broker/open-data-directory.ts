/**
 * Opens the data directory: the table of topics first, because logs need their settings to be opened with.
 *
 * After an unclean end the leader epoch goes up before anything is served. A power cut may have taken records that
 * clients have read (`flush: os`); by the epoch they see that other records may stand at the same offsets now.
 */
import type { Logger } from '../core/logger.ts'
import { resolveLogConfig } from '../log/log-config.ts'
import { LogDirectory } from '../log/log-directory.ts'
import { type Disk, directoryOf, joinPath } from '../platform/disk.ts'
import type { Platform } from '../platform/platform.ts'
import { defaultTopicConfig, type ResolvedConfig } from './config/broker-config.ts'
import { TopicTable, type TopicTableContent } from './topics/topic-table.ts'

/** Kafka's marker of a clean shutdown; the log directory takes it away when it opens. */
const CLEAN_SHUTDOWN_FILE = '.kafka_cleanshutdown'

export interface OpenedDataDirectory {
  readonly logs: LogDirectory
  readonly table: TopicTable
  readonly content: TopicTableContent
  /** The table on the disk is not as `content` says. */
  readonly changed: boolean
}

const emptyTable: TopicTableContent = { leaderEpoch: 0, topics: [], brokerConfigs: {} }

export async function openDataDirectory(options: {
  readonly platform: Platform
  readonly logger: Logger
  readonly config: ResolvedConfig
  readonly dataDirectory: string
}): Promise<OpenedDataDirectory> {
  const { platform, logger, config, dataDirectory } = options
  makeDurableDirectory(platform.disk, dataDirectory)
  const table = new TopicTable(platform.disk, dataDirectory)
  const found = table.read()
  const clean = platform.disk.exists(joinPath(dataDirectory, CLEAN_SHUTDOWN_FILE))
  const before = found ?? emptyTable
  const changed = found !== undefined && !clean
  const content = changed ? { ...before, leaderEpoch: before.leaderEpoch + 1 } : before
  const defaults = defaultTopicConfig(config.topicDefaults, new Map(Object.entries(content.brokerConfigs)))
  const overrides = new Map(content.topics.map(({ name, configs }) => [name, configs]))
  const logs = await LogDirectory.open({
    platform,
    directory: dataDirectory,
    logger,
    nodeId: config.settings['node.id'],
    leaderEpoch: content.leaderEpoch,
    configOf: (topic) => resolveLogConfig(overrides.get(topic), defaults),
  })
  return { logs, table, content, changed }
}

/** Makes a directory so that a power cut does not take it, with all that is kept in it. */
function makeDurableDirectory(disk: Disk, directory: string): void {
  if (disk.exists(directory)) return
  const parent = directoryOf(directory)
  if (parent !== directory) makeDurableDirectory(disk, parent)
  disk.makeDirectory(directory)
  disk.syncDirectory(parent)
}
