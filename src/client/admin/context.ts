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
    try {
      const link = cluster.brokerLink(cluster.control, cluster.metadata.controllerId)
      const connection = link === undefined ? await cluster.anyBroker() : await link.connect()
      sent = true
      return await attempt(connection)
    } catch (error) {
      // The controller is another broker by now.
      if (retriable(error)) await refreshed(cluster)
      throw error
    }
  })
}

/** Asks every broker of the cluster. One that ends meanwhile is left out. */
export async function askAll<T>(
  context: AdminContext,
  what: string,
  attempt: (connection: NegotiatedConnection) => Promise<T>,
): Promise<T[]> {
  const { cluster, timeoutMs } = context
  await withRetries(cluster.platform, { what, timeoutMs }, () => cluster.refresh())
  const answers = await Promise.all(
    [...cluster.metadata.brokers.keys()].map((nodeId) =>
      askKnown(context, nodeId, what, attempt, async () => undefined),
    ),
  )
  return answers.filter((answer) => answer !== undefined) as T[]
}

/** Asks one broker, or any while the cluster does not tell of that one: it says then what is wrong. */
export function askBroker<T>(
  context: AdminContext,
  nodeId: number,
  what: string,
  attempt: (connection: NegotiatedConnection) => Promise<T>,
): Promise<T> {
  return askKnown(context, nodeId, what, attempt, async () => attempt(await context.cluster.anyBroker()))
}

function askKnown<T, U>(
  { cluster, timeoutMs }: AdminContext,
  nodeId: number,
  what: string,
  attempt: (connection: NegotiatedConnection) => Promise<T>,
  otherwise: () => Promise<U>,
): Promise<T | U> {
  return withRetries(cluster.platform, { what: `${what} of broker ${nodeId}`, timeoutMs }, async () => {
    if (cluster.metadata.broker(nodeId) === undefined) await cluster.refresh()
    const link = cluster.brokerLink(cluster.control, nodeId)
    if (link === undefined) return otherwise()
    try {
      return await attempt(await link.connect())
    } catch (error) {
      if (isTransportError(error)) await refreshed(cluster)
      throw error
    }
  })
}

/** Which brokers there are may be out of date. Without an answer nothing is lost but time. */
async function refreshed(cluster: Cluster): Promise<void> {
  await cluster.refresh().catch(() => {})
}
