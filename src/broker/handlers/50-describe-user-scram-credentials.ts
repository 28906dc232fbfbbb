/**
 * DescribeUserScramCredentials: v0
 *
 * Behaviour: which users log in by SCRAM, with mechanism and iterations, never with keys or salts (KIP-554). Without
 * names all of them.
 */
import { describeUserScramCredentials } from '../../protocol/apis/describe-user-scram-credentials.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { type ScramMechanism, scramMechanisms } from '../../protocol/sasl/scram.ts'
import type { ResponseInput } from '../../protocol/schema/message.ts'
import { clusterResource } from '../request-context.ts'
import type { ScramRow } from '../security/security-table.ts'
import { defineHandler } from './handler.ts'

type Result = ResponseInput<typeof describeUserScramCredentials>['results'][number]

function told(user: string, rows: readonly ScramRow[]): Result {
  return {
    user,
    errorCode: ErrorCodes.NONE,
    errorMessage: null,
    credentialInfos: rows.map(({ iterations, mechanism }) => ({
      mechanism: scramMechanisms[mechanism as ScramMechanism].type,
      iterations,
    })),
  }
}

const refused = (user: string, errorCode: number, errorMessage: string): Result => ({
  user,
  errorCode,
  errorMessage,
  credentialInfos: [],
})

export const handler = defineHandler({
  api: describeUserScramCredentials,
  handle(broker, context, { users }) {
    if (!context.authorize('describe', clusterResource)) {
      return { errorCode: ErrorCodes.CLUSTER_AUTHORIZATION_FAILED, errorMessage: null, results: [] }
    }
    const known = broker.security.scramUsers.all()
    const counts = new Map<string, number>()
    for (const { name } of users ?? []) counts.set(name, (counts.get(name) ?? 0) + 1)
    const names = users === null || users.length === 0 ? [...known.keys()] : [...counts.keys()]
    const results = names.map((name) => {
      if ((counts.get(name) ?? 0) > 1) {
        const text = `Cannot describe SCRAM credentials for the same user twice in a single request: ${name}`
        return refused(name, ErrorCodes.DUPLICATE_RESOURCE, text)
      }
      const rows = known.get(name)
      if (rows !== undefined) return told(name, rows)
      const text = `Attempt to describe a user credential that does not exist: ${name}`
      return refused(name, ErrorCodes.RESOURCE_NOT_FOUND, text)
    })
    return { errorCode: ErrorCodes.NONE, errorMessage: null, results }
  },
})
