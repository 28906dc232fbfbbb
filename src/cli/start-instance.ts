/** From a command's flags to a running instance. */
import { MillraceError } from '../core/errors.ts'
import { nodeThreads } from '../platform/node/threads.ts'
import type { FlowPart } from '../server/flow.ts'
import { Instance } from '../server/instance/instance.ts'
import type { CommandContext } from './command.ts'
import { dataDirectoryOf } from './data-directory.ts'
import type { LoadedConfig } from './load-config.ts'
import { packageFile } from './package-file.ts'
import { version } from './version.ts'

const BROKER_PORT = 9092
const CONSOLE_PORT = 7070

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
  const brokers = flags.text('brokers') ?? context.process.env('MILLRACE_BROKERS')
  const config = brokers === undefined ? loaded.config : { ...loaded.config, brokers: brokers.split(',') }
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

function speedOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const speed = Number(text)
  if (text.trim() !== '' && Number.isFinite(speed) && speed >= 0) return speed
  throw new MillraceError('MR_USAGE', `--speed takes a number from 0 on, not "${text}"`, {
    hint: 'Write seconds of event time per second: 8640 plays a day in 10 s, 0 as fast as possible.',
  })
}
