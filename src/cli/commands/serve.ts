/**
 * `millrace serve`: only the broker, until Ctrl-C or SIGTERM, with everything written out at the end.
 *
 * Listeners, TLS, logins and users are those of the section `broker` of the configuration, where there is one, with
 * what `--set` says over them. On a terminal one line says that it is ready, and what goes wrong is shown below it; elsewhere stderr is a log of
 * JSON lines. A port that is taken is an error: clients know the one that was asked for.
 */
import type { Broker } from '../../broker/broker.ts'
import type { BrokerConfig } from '../../broker/config/broker-config.ts'
import { isKnownSetting, suggestSetting } from '../../broker/config/setting-names.ts'
import type { Endpoint } from '../../broker/request-context.ts'
import { formatDuration } from '../../core/duration.ts'
import { MillraceError } from '../../core/errors.ts'
import { type LogFields, type Logger, silentLogger } from '../../core/logger.ts'
import { directoryOf } from '../../platform/disk.ts'
import type { Platform } from '../../platform/platform.ts'
import type { HttpServer } from '../../server/http-listener.ts'
import {
  type BrokerSection,
  brokerSettingsOf,
  makeUsers,
  saysWhereToListen,
} from '../../server/instance/broker-section.ts'
import type { CommandContext } from '../command.ts'
import { brokerDirectory, dataDirectoryOf } from '../data-directory.ts'
import { jsonLogger } from '../json-logger.ts'
import { loadConfig, namedConfig, presentConfig } from '../load-config.ts'
import { settingsOf } from '../setting.ts'
import { printable } from '../terminal/text.ts'
import { version } from '../version.ts'

const HOST = '127.0.0.1'
const PORT = 9092

export async function run(context: CommandContext): Promise<void> {
  const { flags, platform, process: host, signal } = context
  const given = settingsOf(flags.texts('set'))
  for (const name of given.keys()) checkSettingName(name)
  const section = await sectionOf(context)
  const settings = { ...section.settings, ...Object.fromEntries(given) } as BrokerConfig
  const port = portOf(flags.whole('port', { max: 65_535 }), settings)
  const metricsPort = flags.whole('metrics-port', { max: 65_535 })
  const data = dataDirectoryOf(context)
  const logger = loggerOf(context)
  // Before the broker is loaded, while that part of the heap is still small.
  host.holdYoungHeap()
  const { Broker } = await import('../../broker/broker.ts')
  const dataDirectory = brokerDirectory(data)
  const broker = await Broker.open({ platform, logger, config: settings, dataDirectory })
  let metrics: HttpServer | undefined
  try {
    makeUsers(broker, section)
    const listened = saysWhereToListen(settings)
      ? await broker.listenAsConfigured()
      : [await broker.listen({ host: HOST, port })]
    if (metricsPort !== undefined)
      metrics = await serveMetrics({ broker, platform, logger, port: metricsPort })
    sayReady(context, logger, {
      endpoints: listened.map(addressOf),
      data: data.named,
      ...(metrics === undefined ? {} : { metrics: `${metrics.url}/metrics` }),
    })
    await untilAborted(signal)
  } finally {
    await metrics?.close()
    await broker.close()
  }
  if (!context.terminal.err.isTerminal) logger.info({}, 'stopped')
}

/** What the configuration says of the broker, where there is one. @throws as loading it */
async function sectionOf(context: CommandContext): Promise<BrokerSection> {
  if (namedConfig(context) === undefined && presentConfig(context) === undefined) return {}
  const { config, file } = await loadConfig(context)
  return { ...config.broker, settings: brokerSettingsOf(config.broker, directoryOf(file)) }
}

async function serveMetrics(options: {
  readonly broker: Broker
  readonly platform: Platform
  readonly logger: Logger
  readonly port: number
}): Promise<HttpServer> {
  const { broker, ...rest } = options
  const [{ startMetricsServer }, { expose }] = await Promise.all([
    import('../../server/metrics-server.ts'),
    import('../../broker/metrics/exposition.ts'),
  ])
  return startMetricsServer({ ...rest, version: version(), metrics: () => expose(broker.metrics()) })
}

interface Ready {
  readonly endpoints: readonly string[]
  readonly data: string
  readonly metrics?: string
}

function sayReady({ output, process: host, terminal }: CommandContext, logger: Logger, ready: Ready): void {
  const readyMs = host.uptimeMs()
  if (!terminal.err.isTerminal) {
    logger.info({ version: version(), ...ready, ms: Math.round(readyMs) }, 'ready')
    return
  }
  const metrics = ready.metrics === undefined ? '' : `   metrics ${ready.metrics}`
  const where = `broker ${ready.endpoints.join(', ')}${metrics}   data in ${printable(ready.data)}`
  output.note(`millrace ${version()}   ${where}   ready in ${formatDuration(readyMs)}   Ctrl-C stops`)
}

/** @throws MR_USAGE when the settings say where to listen, or name nowhere */
function portOf(port: number | undefined, { listeners }: BrokerConfig): number {
  if (listeners !== undefined && String(listeners).trim() === '') {
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
  if (isKnownSetting(name)) return
  throw new MillraceError('MR_CONFIG_INVALID', `the broker has no setting "${name}"`, {
    where: '--set',
    hint: suggestSetting(name),
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
