/** The broker of this process on its data directory, reachable in-process and over TCP. */
import { Broker } from '../../broker/broker.ts'
import { isMillraceError } from '../../core/errors.ts'
import { invariant } from '../../core/invariant.ts'
import type { Logger } from '../../core/logger.ts'
import type { Platform } from '../../platform/platform.ts'
import { type BrokerSection, brokerSettingsOf, makeUsers, saysWhereToListen } from './broker-section.ts'

const HOST = '127.0.0.1'
/** How many ports after the wanted one are tried. */
const PORTS_TRIED_MAX = 20

export interface EmbeddedBroker {
  readonly broker: Broker
  readonly host: string
  readonly port: number
  /** The wanted port, when that was taken by another process. */
  readonly portTaken: number | undefined
}

/**
 * Opens the broker and listens where its section says, else on loopback: on `port`, or on the next free one unless
 * `strictPort`.
 *
 * @throws MR_PORT_IN_USE, MR_DATA_DIRECTORY_LOCKED, MR_DISK_FAILED, MR_CONFIG_INVALID, MR_LISTEN_EXPOSED,
 *   MR_TLS_FAILED, MR_FILE_NOT_FOUND
 */
export async function openBroker(options: {
  readonly platform: Platform
  readonly dataDirectory: string
  readonly logger: Logger
  readonly port: number
  readonly strictPort: boolean
  /** Says what the broker is told, and where it listens instead of on `port`. */
  readonly section?: BrokerSection | undefined
  /** Against which paths in it are read. */
  readonly directory: string
}): Promise<EmbeddedBroker> {
  const { platform, dataDirectory, logger, port: wanted, section, strictPort } = options
  const config = brokerSettingsOf(section, options.directory)
  const broker = await Broker.open({ platform, dataDirectory, logger, config })
  try {
    makeUsers(broker, section)
    if (saysWhereToListen(config)) {
      const [first] = await broker.listenAsConfigured()
      invariant(first !== undefined, 'a setting that says where to listen names a place')
      return { broker, ...first, portTaken: undefined }
    }
    const last = strictPort || wanted === 0 ? wanted : wanted + PORTS_TRIED_MAX
    for (let port = wanted; ; port++) {
      try {
        const endpoint = await broker.listen({ host: HOST, port })
        const portTaken = wanted !== 0 && endpoint.port !== wanted ? wanted : undefined
        return { broker, host: HOST, port: endpoint.port, portTaken }
      } catch (error) {
        if (!isMillraceError(error, 'MR_PORT_IN_USE') || port >= last) throw error
      }
    }
  } catch (error) {
    await broker.close()
    throw error
  }
}
