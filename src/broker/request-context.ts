/**
 * Who asks, from where, and what they may do: handed to every handler with the request.
 *
 * Handlers call `authorize` at the places where Kafka checks rights. Until users are configured everything is
 * allowed; the rules of `security/acls/` come in as an `Authorizer`.
 */
import type { ReadMemory } from './fetch/read-memory.ts'
import type { SaslLogin } from './security/sasl/sasl-login.ts'

/** Kafka's operations, with their numbers on the wire. */
export const operations = {
  all: 2,
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
  createTokens: 13,
  describeTokens: 14,
  twoPhaseCommit: 15,
} as const

export type Operation = keyof typeof operations

export interface Resource {
  readonly type: 'cluster' | 'topic' | 'group' | 'transactionalId' | 'delegationToken' | 'user'
  /** The name of the cluster resource is `kafka-cluster`. */
  readonly name: string
}

export const clusterResource: Resource = { type: 'cluster', name: 'kafka-cluster' }

export const topicResource = (name: string): Resource => ({ type: 'topic', name })
export const groupResource = (name: string): Resource => ({ type: 'group', name })
export const transactionalIdResource = (name: string): Resource => ({ type: 'transactionalId', name })

export interface Principal {
  readonly type: string
  readonly name: string
}

/** A client that did not log in. */
export const anonymous: Principal = { type: 'User', name: 'ANONYMOUS' }
/**
 * Millrace itself, in this process. Whoever has this very object may do everything: it is never made from a name that
 * somebody logs in by, not even from the same one.
 */
export const internalPrincipal: Principal = { type: 'User', name: 'millrace' }

/** Where a listener can be reached, as clients are told. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** A connection as handlers see it. */
export interface ConnectionInfo {
  readonly id: number
  /** Changes once when the client logs in. */
  principal: Principal
  /** The address of the client, without its port. */
  readonly clientHost: string
  /** What Metadata answers over this connection. */
  readonly advertised: Endpoint
  /** 'in-process', or the name of the listener. */
  readonly listener: string
  /** From ApiVersions v3 on: which software the client is. */
  software: { readonly name: string; readonly version: string } | undefined
  /** How the client logs in, on listeners with SASL. */
  readonly login?: SaslLogin
}

export type Authorizer = (connection: ConnectionInfo, operation: Operation, resource: Resource) => boolean

export const allowAll: Authorizer = () => true

/** A right that was asked for and is missing. */
export interface Denial {
  readonly operation: Operation
  readonly resource: Resource
}

/** More of one request are not kept. */
const DENIALS_MAX = 16

export class RequestContext {
  readonly connection: ConnectionInfo
  /** The version of the request, and so of the answer. */
  readonly version: number
  readonly clientId: string | null
  /** Rights that the handler asked for in vain, the first of them; undefined while there are none. */
  denials: Denial[] | undefined
  /** What an answer may read logs into; undefined where it is handed over as it is, in this process. */
  readonly readMemory: ReadMemory | undefined
  private readonly authorizer: Authorizer

  constructor(
    connection: ConnectionInfo,
    version: number,
    clientId: string | null,
    authorizer: Authorizer,
    readMemory?: ReadMemory,
  ) {
    this.connection = connection
    this.version = version
    this.clientId = clientId
    this.authorizer = authorizer
    this.readMemory = readMemory
  }

  get principal(): Principal {
    return this.connection.principal
  }

  authorize(operation: Operation, resource: Resource): boolean {
    const allowed = this.authorizer(this.connection, operation, resource)
    if (!allowed) this.noteDenial({ operation, resource })
    return allowed
  }

  /** The bits of the operations that the client may do, for the answers that show them. */
  authorizedOperations(of: readonly Operation[], resource: Resource): number {
    let bits = 0
    for (const operation of of)
      if (this.authorizer(this.connection, operation, resource)) bits |= 1 << operations[operation]
    return bits
  }

  private noteDenial(denial: Denial): void {
    this.denials ??= []
    if (this.denials.length < DENIALS_MAX) this.denials.push(denial)
  }
}

/** What can be done with each type of resource (Kafka's AclEntry.supportedOperations). */
export const topicOperations: readonly Operation[] = [
  'read',
  'write',
  'create',
  'describe',
  'delete',
  'alter',
  'describeConfigs',
  'alterConfigs',
]
export const groupOperations: readonly Operation[] = [
  'read',
  'describe',
  'delete',
  'describeConfigs',
  'alterConfigs',
]
export const clusterOperations: readonly Operation[] = [
  'create',
  'clusterAction',
  'describeConfigs',
  'alterConfigs',
  'idempotentWrite',
  'alter',
  'describe',
]

/** What Metadata and DescribeCluster tell of the cluster: nothing to who may not describe it. */
export function clusterRights(context: RequestContext): number {
  if (!context.authorize('describe', clusterResource)) return 0
  return context.authorizedOperations(clusterOperations, clusterResource)
}
