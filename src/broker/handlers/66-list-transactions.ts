/**
 * ListTransactions: v0–v2
 *
 * Behaviour: the transactional ids that the client may describe, by state and producer id (KIP-664). A state that
 * is not known is named in the answer.
 *
 * Version notes
 * v1     only transactions that have run for longer than a duration (KIP-994)
 * v2     only ids that match a pattern (KIP-1152); it is matched by RE2's rules, without back-tracking
 */
import { listTransactions } from '../../protocol/apis/list-transactions.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { LinearPattern } from '../linear-pattern.ts'
import { transactionalIdResource } from '../request-context.ts'
import { transactionStates } from '../transactions/transaction-states.ts'
import { defineHandler } from './handler.ts'

const known: ReadonlySet<string> = new Set([...transactionStates, 'PrepareEpochFence'])

export const handler = defineHandler({
  api: listTransactions,
  handle(broker, context, request) {
    const { stateFilters, producerIdFilters, durationFilter, transactionalIdPattern } = request
    const unknownStateFilters = stateFilters.filter((state) => !known.has(state))
    const states = new Set(stateFilters)
    const producers = new Set(producerIdFilters)
    const nowMs = broker.platform.clock.nowMs()
    const pattern = transactionalIdPattern ? LinearPattern.tryParse(transactionalIdPattern) : undefined
    if (transactionalIdPattern && pattern === undefined) {
      const errorCode = ErrorCodes.INVALID_REGULAR_EXPRESSION
      return { errorCode, unknownStateFilters, transactionStates: [] }
    }
    const found = [...broker.transactions.all]
      .filter(({ state }) => states.size === 0 || states.has(state))
      .filter(({ producerId }) => producers.size === 0 || producers.has(BigInt(producerId)))
      .filter(
        ({ startMs }) => durationFilter < 0n || (startMs >= 0 && nowMs - startMs > Number(durationFilter)),
      )
      .filter(({ id }) => pattern === undefined || pattern.matches(id))
      .filter(({ id }) => context.authorize('describe', transactionalIdResource(id)))
    return {
      errorCode: ErrorCodes.NONE,
      unknownStateFilters,
      transactionStates: found.map(({ id, producerId, state }) => ({
        transactionalId: id,
        producerId: BigInt(producerId),
        transactionState: state,
      })),
    }
  },
})
