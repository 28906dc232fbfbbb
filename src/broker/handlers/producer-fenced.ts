import { ErrorCodes } from '../../protocol/error-codes.ts'

/** PRODUCER_FENCED may be answered from this version of the transaction requests on (KIP-588). */
const FENCED_FROM_VERSION = 2

/** The code of a transaction request in the words of its version. */
export function fencedCode(code: number, version: number): number {
  const old = code === ErrorCodes.PRODUCER_FENCED && version < FENCED_FROM_VERSION
  return old ? ErrorCodes.INVALID_PRODUCER_EPOCH : code
}
