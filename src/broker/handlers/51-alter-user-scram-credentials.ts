/**
 * AlterUserScramCredentials: v0
 *
 * Behaviour: makes, changes and deletes SCRAM credentials (KIP-554). The client salts the password: the broker never
 * sees it, and keeps what it needs to check it. Everything that is asked for one user is done, or nothing of it; what
 * is answered is on the disk.
 */
import { alterUserScramCredentials } from '../../protocol/apis/alter-user-scram-credentials.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { SCRAM_ITERATIONS_MAX, SCRAM_ITERATIONS_MIN, scramMechanisms } from '../../protocol/sasl/scram.ts'
import type { RequestOf } from '../../protocol/schema/message.ts'
import { clusterResource } from '../request-context.ts'
import { type ScramUsers, scramMechanismOf } from '../security/scram-users.ts'
import { brokerFault, type TopicFault } from '../topics/topic-fault.ts'
import { defineHandler } from './handler.ts'

type Request = RequestOf<typeof alterUserScramCredentials>

const USERS_MAX = 100_000
const unacceptable = (message: string): TopicFault => ({ code: ErrorCodes.UNACCEPTABLE_CREDENTIAL, message })

function upsertionFault({
  iterations,
  mechanism: type,
  name,
  salt,
  saltedPassword,
}: Request['upsertions'][number]) {
  const mechanism = scramMechanismOf(type)
  if (name === '') return unacceptable('Username must not be empty')
  if (mechanism === undefined) {
    return { code: ErrorCodes.UNSUPPORTED_SASL_MECHANISM, message: 'Unknown SCRAM mechanism' }
  }
  if (iterations < SCRAM_ITERATIONS_MIN) return unacceptable('Too few iterations')
  if (iterations > SCRAM_ITERATIONS_MAX) return unacceptable('Too many iterations')
  if (salt.length === 0 || saltedPassword.length !== scramMechanisms[mechanism].keyBytes) {
    return unacceptable('Salt or salted password has an illegal length')
  }
  return undefined
}

function deletionFault({ mechanism: type, name }: Request['deletions'][number], users: ScramUsers) {
  const mechanism = scramMechanismOf(type)
  if (name === '') return unacceptable('Username must not be empty')
  if (mechanism === undefined) {
    return { code: ErrorCodes.UNSUPPORTED_SASL_MECHANISM, message: 'Unknown SCRAM mechanism' }
  }
  if (users.find(name, mechanism) !== undefined) return undefined
  const message = `Attempt to delete a user credential that does not exist: ${name}`
  return { code: ErrorCodes.RESOURCE_NOT_FOUND, message }
}

/** The first fault of each user. */
function faultsOf({ deletions, upsertions }: Request, users: ScramUsers): ReadonlyMap<string, TopicFault> {
  const faults = new Map<string, TopicFault>()
  const note = (name: string, fault: TopicFault | undefined): void => {
    if (fault !== undefined && !faults.has(name)) faults.set(name, fault)
  }
  const seen = new Set<string>()
  for (const { mechanism, name } of [...deletions, ...upsertions]) {
    const key = `${mechanism} ${name}`
    const message = 'A user credential cannot be altered twice in the same request'
    if (seen.has(key)) note(name, { code: ErrorCodes.DUPLICATE_RESOURCE, message })
    seen.add(key)
  }
  for (const deletion of deletions) note(deletion.name, deletionFault(deletion, users))
  for (const upsertion of upsertions) note(upsertion.name, upsertionFault(upsertion))
  const added = new Set(upsertions.map(({ name }) => name).filter((name) => !faults.has(name)))
  if (users.all().size + added.size > USERS_MAX) {
    for (const name of added) note(name, unacceptable(`there may be at most ${USERS_MAX} users`))
  }
  return faults
}

export const handler = defineHandler({
  api: alterUserScramCredentials,
  handle(broker, context, request) {
    const names = [...new Set([...request.deletions, ...request.upsertions].map(({ name }) => name))]
    const all = (errorCode: number, errorMessage: string | null = null) => ({
      results: names.map((user) => ({ user, errorCode, errorMessage })),
    })
    if (!context.authorize('alter', clusterResource)) return all(ErrorCodes.CLUSTER_AUTHORIZATION_FAILED)
    const users = broker.security.scramUsers
    const faults = faultsOf(request, users)
    const upsertions = request.upsertions
      .filter(({ name }) => !faults.has(name))
      .map(({ mechanism, name, ...rest }) => ({
        ...rest,
        user: name,
        mechanism: scramMechanismOf(mechanism)!,
      }))
    const deletions = request.deletions
      .filter(({ name }) => !faults.has(name))
      .map(({ mechanism, name }) => ({ user: name, mechanism: scramMechanismOf(mechanism)! }))
    try {
      if (upsertions.length + deletions.length > 0) users.change(upsertions, deletions)
    } catch (error) {
      const { code, message } = brokerFault(error)
      return all(code, message)
    }
    return {
      results: names.map((user) => {
        const fault = faults.get(user)
        return { user, errorCode: fault?.code ?? ErrorCodes.NONE, errorMessage: fault?.message ?? null }
      }),
    }
  },
})
