/** Every message that is neither a request nor a response of an API. */
import { requestHeader, responseHeader } from '../apis/header.ts'
import type { AnyMessage } from '../schema/message.ts'
import { consumerProtocolAssignment, consumerProtocolSubscription } from './consumer-protocol.ts'
import { controlRecordType, endTxnMarker, leaderChangeMessage } from './control-records.ts'
import { defaultPrincipalData } from './default-principal-data.ts'

export const messages: readonly AnyMessage[] = [
  requestHeader,
  responseHeader,
  consumerProtocolSubscription,
  consumerProtocolAssignment,
  controlRecordType,
  endTxnMarker,
  leaderChangeMessage,
  defaultPrincipalData,
]
