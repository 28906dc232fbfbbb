/** What all administrative requests share. */
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { Cluster } from '../cluster.ts'
import type { NegotiatedConnection } from '../connection/negotiated.ts'
import { isTransportError, kafkaCodeIn } from '../errors.ts'
import { withRetries } from '../retry.ts'

export interface AdminContext {
  readonly cluster: Cluster
  /** How long one call may take, with everything that is tried again. */
  readonly timeoutMs: number
}

/** Asks some broker. Use it for what any broker answers, and may be asked twice. */
export function askAny<T>(
  { cluster, timeoutMs }: AdminContext,
  what: string,
  attempt: (connection: NegotiatedConnection) => Promise<T>,
): Promise<T> {
  return withRetries(cluster.platform, { what, timeoutMs }, async () => attempt(await cluster.anyBroker()))
}

/**
 * Asks the controller, if it is known, else any broker, which passes the request on. A change whose answer got lost is
 * not sent twice: it may have been made.
 */
export function askController<T>(
  { cluster, timeoutMs }: AdminContext,
  what: string,
  attempt: (connection: NegotiatedConnection) => Promise<T>,
): Promise<T> {
  let sent = false
  const retriable = (error: unknown): boolean =>
    kafkaCodeIn(error) === ErrorCodes.NOT_CONTROLLER || (isTransportError(error) && !sent)
  return withRetries(cluster.platform, { what, timeoutMs, retriable }, async () => {
    sent = false
    if (cluster.metadata.controllerId < 0) await cluster.refresh()
    const link = cluster.brokerLink(cluster.control, cluster.metadata.controllerId)
    const connection = link === undefined ? await cluster.anyBroker() : await link.connect()
    sent = true
    try {
      return await attempt(connection)
    } catch (error) {
      if (kafkaCodeIn(error) === ErrorCodes.NOT_CONTROLLER) await cluster.refresh()
      throw error
    }
  })
}

/** Asks every broker of the cluster. */
export async function askAll<T>(
  context: AdminContext,
  what: string,
  attempt: (connection: NegotiatedConnection) => Promise<T>,
): Promise<T[]> {
  const { cluster, timeoutMs } = context
  await withRetries(cluster.platform, { what, timeoutMs }, () => cluster.refresh())
  return Promise.all(
    [...cluster.metadata.brokers.keys()].map((nodeId) => askBroker(context, nodeId, what, attempt)),
  )
}

export function askBroker<T>(
  { cluster, timeoutMs }: AdminContext,
  nodeId: number,
  what: string,
  attempt: (connection: NegotiatedConnection) => Promise<T>,
): Promise<T> {
  return withRetries(cluster.platform, { what: `${what} of broker ${nodeId}`, timeoutMs }, async () => {
    const link = cluster.brokerLink(cluster.control, nodeId)
    return attempt(link === undefined ? await cluster.anyBroker() : await link.connect())
  })
}
