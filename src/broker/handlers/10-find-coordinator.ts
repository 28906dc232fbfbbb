/**
 * FindCoordinator: v0–v6
 *
 * Behaviour: it is always this broker. The internal topic of the coordinator is made when it is first asked for.
 *
 * Version notes
 * v1     groups (0) or transactions (1)
 * v4     several keys in one request (KIP-699)
 * v6     share groups (2): not served
 */
import { messageOf } from '../../core/errors.ts'
import { findCoordinator } from '../../protocol/apis/find-coordinator.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { BrokerParts } from '../broker-parts.ts'
import { groupResource, type RequestContext, transactionalIdResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

const GROUP = 0
const TRANSACTION = 1
const MANY_FROM_VERSION = 4

interface Found {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

function refused(errorCode: number, errorMessage: string | null = null): Found {
  return { errorCode, errorMessage, nodeId: -1, host: '', port: -1 }
}

function find(broker: BrokerParts, context: RequestContext, key: string, keyType: number): Found {
  if (keyType !== GROUP && keyType !== TRANSACTION) {
    return refused(ErrorCodes.INVALID_REQUEST, `there is no coordinator of type ${keyType}`)
  }
  const forGroup = keyType === GROUP
  const resource = forGroup ? groupResource(key) : transactionalIdResource(key)
  if (!context.authorize('describe', resource)) {
    const { GROUP_AUTHORIZATION_FAILED, TRANSACTIONAL_ID_AUTHORIZATION_FAILED } = ErrorCodes
    return refused(forGroup ? GROUP_AUTHORIZATION_FAILED : TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  }
  try {
    if (forGroup) broker.coordinators.groupLog(key)
    else broker.coordinators.transactionLog(key)
  } catch (error) {
    return refused(ErrorCodes.COORDINATOR_NOT_AVAILABLE, messageOf(error))
  }
  const { host, port } = context.connection.advertised
  return { errorCode: ErrorCodes.NONE, errorMessage: null, nodeId: broker.nodeId, host, port }
}

export const handler = defineHandler({
  api: findCoordinator,
  handle(broker, context, request) {
    if (context.version < MANY_FROM_VERSION) return find(broker, context, request.key, request.keyType)
    const coordinators = request.coordinatorKeys.map((key) => ({
      key,
      ...find(broker, context, key, request.keyType),
    }))
    return { coordinators }
  },
})
