/** Requests to a coordinator: found, asked, and asked again where that helps. */
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { Cluster } from '../cluster.ts'
import type { Lane } from '../connection/lane.ts'
import type { NegotiatedConnection } from '../connection/negotiated.ts'
import { isRetriable, isTransportError, kafkaCodeIn } from '../errors.ts'
import { withRetries } from '../retry.ts'
import type { CoordinatorKind } from './coordinators.ts'

export interface CoordinatorRequest {
  readonly kind: CoordinatorKind
  readonly key: string
  readonly lane: Lane
  /** What is asked, for the error's text: "joining group billing". */
  readonly what: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** Further errors after which the same request is sent again. */
  readonly retriable?: (error: unknown) => boolean
}

/** The coordinator is another one by now, or cannot be reached. */
export function isCoordinatorLost(error: unknown): boolean {
  const code = kafkaCodeIn(error)
  return (
    code === ErrorCodes.NOT_COORDINATOR ||
    code === ErrorCodes.COORDINATOR_NOT_AVAILABLE ||
    isTransportError(error)
  )
}

/** It is still at work with what came before; the pause between two attempts is milliseconds. */
function isBrief(error: unknown): boolean {
  return kafkaCodeIn(error) === ErrorCodes.CONCURRENT_TRANSACTIONS
}

/**
 * Calls `attempt` with a connection to the coordinator until it succeeds. `attempt` throws `answerError` for codes.
 * @throws MR_TIMEOUT, MR_ABORTED, and what `attempt` throws when another attempt would not help
 */
export function askCoordinator<T>(
  cluster: Cluster,
  request: CoordinatorRequest,
  attempt: (connection: NegotiatedConnection) => Promise<T>,
): Promise<T> {
  const { key, kind, lane, signal, timeoutMs, what } = request
  const retriable = (error: unknown): boolean => isRetriable(error) || request.retriable?.(error) === true
  const options = { what, timeoutMs, retriable, brief: isBrief, ...(signal === undefined ? {} : { signal }) }
  return withRetries(cluster.platform, options, async () => {
    const connection = await cluster.coordinator(kind, key, lane)
    try {
      return await attempt(connection)
    } catch (error) {
      if (isCoordinatorLost(error)) cluster.forgetCoordinator(kind, key)
      throw error
    }
  })
}
