/**
 * `millrace serve`: only the broker, until Ctrl-C or SIGTERM, with everything written out at the end.
 *
 * On a terminal one line says that it is ready, and what goes wrong is shown below it; elsewhere stderr is a log of
 * JSON lines. A port that is taken is an error: clients know the one that was asked for.
 */
import { Broker } from '../../broker/broker.ts'
import type { BrokerConfig } from '../../broker/config/broker-config.ts'
import { brokerSettingTable, isBrokerSetting } from '../../broker/config/broker-settings.ts'
import { isTopicDefault, topicDefaultSynonyms } from '../../broker/config/topic-defaults.ts'
import type { Endpoint } from '../../broker/request-context.ts'
import { nearestName } from '../../core/did-you-mean.ts'
import { formatDuration } from '../../core/duration.ts'
import { MillraceError } from '../../core/errors.ts'
import { type LogFields, type Logger, silentLogger } from '../../core/logger.ts'
import type { CommandContext } from '../command.ts'
import { brokerDirectory, dataDirectoryOf } from '../data-directory.ts'
import { jsonLogger } from '../json-logger.ts'
import { settingsOf } from '../setting.ts'
import { printable } from '../terminal/text.ts'
import { version } from '../version.ts'

const HOST = '127.0.0.1'
const PORT = 9092
const LISTENER_PREFIX = 'listener.name.'

export async function run(context: CommandContext): Promise<void> {
  const { flags, output, platform, process: host, signal, terminal } = context
  const settings = settingsOf(flags.texts('set'))
  const port = portOf(flags.whole('port', { max: 65_535 }), settings)
  for (const name of settings.keys()) checkSettingName(name)
  const data = dataDirectoryOf(context)
  const logger = loggerOf(context)
  const broker = await Broker.open({
    platform,
    logger,
    config: Object.fromEntries(settings) as BrokerConfig,
    dataDirectory: brokerDirectory(data),
  })
  try {
    const listened = settings.has('listeners')
      ? await broker.listenAsConfigured()
      : [await broker.listen({ host: HOST, port })]
    const endpoints = listened.map(addressOf)
    const readyMs = host.uptimeMs()
    if (!terminal.err.isTerminal) {
      logger.info({ version: version(), endpoints, data: data.named, ms: Math.round(readyMs) }, 'ready')
    } else {
      const where = `broker ${endpoints.join(', ')}   data in ${printable(data.named)}`
      output.note(`millrace ${version()}   ${where}   ready in ${formatDuration(readyMs)}   Ctrl-C stops`)
    }
    await untilAborted(signal)
  } finally {
    await broker.close()
  }
  if (!terminal.err.isTerminal) logger.info({}, 'stopped')
}

/** @throws MR_USAGE when the settings say where to listen, or name nowhere */
function portOf(port: number | undefined, settings: ReadonlyMap<string, string>): number {
  const listeners = settings.get('listeners')
  if (listeners?.trim() === '') {
    throw new MillraceError('MR_USAGE', 'listeners names nowhere to listen', {
      hint: `Write one or more, such as --set listeners=PLAINTEXT://${HOST}:${PORT}.`,
    })
  }
  if (port === undefined || listeners === undefined) return port ?? PORT
  throw new MillraceError('MR_USAGE', '--port and the setting listeners both say where to listen', {
    hint: `Write the port into listeners, such as PLAINTEXT://${HOST}:${port}.`,
  })
}

/** @throws MR_CONFIG_INVALID with the setting that was probably meant */
function checkSettingName(name: string): void {
  if (isBrokerSetting(name) || isTopicDefault(name) || name.startsWith(LISTENER_PREFIX)) return
  const defaults = Object.values(topicDefaultSynonyms).flatMap((synonyms) => synonyms.map((one) => one.name))
  const nearest = nearestName(name, [...Object.keys(brokerSettingTable), ...defaults])
  throw new MillraceError('MR_CONFIG_INVALID', `the broker has no setting "${name}"`, {
    where: '--set',
    ...(nearest === undefined ? {} : { hint: `Did you mean "${nearest}"?` }),
  })
}

/** JSON lines; on a terminal only what somebody should know, unless -v asks for all. */
function loggerOf({ flags, logger, terminal }: CommandContext): Logger {
  const verbose = flags.on('verbose')
  if (!terminal.err.isTerminal) return jsonLogger(terminal, { debug: verbose })
  if (verbose) return logger
  const show =
    (mark: string) =>
    (fields: LogFields, message: string): void => {
      const facts = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      terminal.err.write(`${mark} ${printable([message, ...facts].join('  '))}\n`)
    }
  return { ...silentLogger, warn: show('!'), error: show('✗') }
}

function addressOf({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
