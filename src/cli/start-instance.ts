/** From a command's flags to a running instance. */

import { MillraceError } from '../core/errors.ts'
import { directoryOf } from '../platform/disk.ts'
import { nodeThreads } from '../platform/node/threads.ts'
import { CONSOLE_PORT } from '../server/console-port.ts'
import type { FlowPart } from '../server/flow.ts'
import { saysWhereToListen } from '../server/instance/broker-section.ts'
import type { MillraceConfig } from '../server/instance/config.ts'
import { Instance } from '../server/instance/instance.ts'
import type { CommandContext } from './command.ts'
import { commandConfig } from './command-config.ts'
import { dataDirectoryOf } from './data-directory.ts'
import { bootstrapServers, type ClientSecurity, clientSecurity } from './kafka-properties.ts'
import type { LoadedConfig } from './load-config.ts'
import { packageFile } from './package-file.ts'
import { version } from './version.ts'

const BROKER_PORT = 9092

export interface StartedInstance {
  readonly instance: Instance
  /** As the user named it. */
  readonly dataDirectory: string
  stop(): Promise<void>
}

export async function startInstance(
  context: CommandContext,
  loaded: LoadedConfig,
  how: { readonly once: boolean; readonly onPart: (part: FlowPart) => void },
): Promise<StartedInstance> {
  const { flags, platform, logger } = context
  const { config, security } = clusterOf(context, loaded)
  checkPort(context, config)
  const { named, path: dataDirectory } = dataDirectoryOf(context)
  if (flags.on('fresh')) platform.disk.removeDirectory(dataDirectory)
  const threadCount = flags.whole('threads', { min: 1, max: 256 })
  const partitions = flags.whole('partitions', { min: 1, max: 10_000 })
  const speed = speedOf(flags.text('speed'))
  const instance = await Instance.start({
    platform,
    threads: nodeThreads,
    logger,
    config,
    security,
    configFile: loaded.file,
    title: loaded.title,
    version: version(),
    dataDirectory,
    consoleDirectory: packageFile('console/dist'),
    once: how.once,
    brokerPort: flags.whole('port', { max: 65_535 }) ?? BROKER_PORT,
    consolePort: flags.whole('console-port', { max: 65_535 }) ?? CONSOLE_PORT,
    strictPort: flags.on('strict-port'),
    onPart: how.onPart,
    ...(speed === undefined ? {} : { speed }),
    ...(threadCount === undefined ? {} : { threadCount }),
    ...(partitions === undefined ? {} : { partitions }),
  })
  return { instance, dataDirectory: named, stop: () => instance.stop() }
}

/** The cluster that is used: as the command says, else as the configuration does. */
function clusterOf(
  context: CommandContext,
  { config, file }: LoadedConfig,
): { readonly config: MillraceConfig; readonly security: ClientSecurity } {
  const { flags, platform, process: host } = context
  const told = commandConfig(context)
  const kafka = config.kafka ?? {}
  const given = flags.text('brokers') ?? host.env('MILLRACE_BROKERS')
  const brokers = given?.split(',') ?? told.brokers ?? config.brokers ?? bootstrapServers(kafka)
  if (brokers === undefined) return { config, security: {} }
  const place = { disk: platform.disk, file, directory: directoryOf(file) }
  const own = Object.keys(told.security).length > 0
  return { config: { ...config, brokers }, security: own ? told.security : clientSecurity(kafka, place) }
}

/** @throws MR_USAGE when flag and configuration both say where the broker listens */
function checkPort({ flags }: CommandContext, { broker, brokers }: MillraceConfig): void {
  const port = flags.text('port')
  if (port === undefined || brokers !== undefined || !saysWhereToListen(broker?.settings ?? {})) return
  throw new MillraceError('MR_USAGE', '--port and the setting listeners both say where to listen', {
    hint: 'Leave --port away, or listeners of "broker" in the configuration.',
  })
}

function speedOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const speed = Number(text)
  if (text.trim() !== '' && Number.isFinite(speed) && speed >= 0) return speed
  throw new MillraceError('MR_USAGE', `--speed takes a number from 0 on, not "${text}"`, {
    hint: 'Write seconds of event time per second: 8640 plays a day in 10 s, 0 as fast as possible.',
  })
}
