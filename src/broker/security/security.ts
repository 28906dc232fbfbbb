/**
 * Everything about users of one broker: who they are (TLS, SASL), what they may do (ACLs), how much (quotas).
 *
 * Made when the broker opens; each listener asks for what its connections need. In-process connections are Millrace
 * itself: they never come here.
 */
import { MillraceError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Platform } from '../../platform/platform.ts'
import {
  SCRAM_ITERATIONS_MIN,
  type ScramMechanism,
  saltPassword,
  scramKeys,
} from '../../protocol/sasl/scram.ts'
import type { ResolvedConfig } from '../config/broker-config.ts'
import type { BrokerSettings } from '../config/broker-settings.ts'
import {
  type Authorizer,
  type ConnectionInfo,
  internalPrincipal,
  type Operation,
  type Resource,
} from '../request-context.ts'
import { AclIndex } from './acls/acl-index.ts'
import { Acls } from './acls/acls.ts'
import { parsePrincipals, StandardAuthorizer } from './acls/standard-authorizer.ts'
import { AuditLog } from './audit/audit-log.ts'
import { QuotaTable } from './quotas/quota-table.ts'
import { Quotas } from './quotas/quotas.ts'
import type { SaslExchange } from './sasl/exchange.ts'
import { jaasUsers } from './sasl/jaas.ts'
import { KeySource } from './sasl/jwks.ts'
import { OauthBearerExchange } from './sasl/oauthbearer.ts'
import { PlainExchange, PlainUsers } from './sasl/plain.ts'
import { ScramExchange } from './sasl/scram.ts'
import { ScramUsers } from './scram-users.ts'
import { SecurityTable } from './security-table.ts'

const KEY_BYTES = 32
const SALT_BYTES = 24
const DEFAULT_MECHANISM = 'SCRAM-SHA-512'

export interface SecurityOptions {
  readonly platform: Platform
  readonly logger: Logger
  readonly config: ResolvedConfig
  readonly dataDirectory: string
}

export class Security {
  readonly scramUsers: ScramUsers
  readonly quotas: Quotas
  readonly audit: AuditLog
  private readonly options: SecurityOptions
  private readonly standard: StandardAuthorizer
  private readonly rules: Acls
  private enforcing: boolean
  /** Of this process: for what no client may learn. */
  private readonly key: Buffer

  /** @throws MR_CONFIG_INVALID, MR_CHECKSUM, MR_BYTES_INVALID */
  constructor(options: SecurityOptions) {
    const { config, dataDirectory, platform } = options
    const { settings } = config
    this.options = options
    this.key = platform.random.bytes(KEY_BYTES)
    const table = new SecurityTable(platform.disk, dataDirectory)
    this.scramUsers = new ScramUsers(table)
    this.audit = new AuditLog(platform.clock, options.logger)
    this.quotas = new Quotas(new QuotaTable(table), platform.clock, {
      count: settings['quota.window.num'],
      ms: settings['quota.window.size.seconds'] * 1000,
    })
    const superUsers = parsePrincipals(settings['super.users'])
    if (superUsers === undefined) throw notPrincipals(settings['super.users'])
    const allowIfNoAcl = settings['allow.everyone.if.no.acl.found']
    const standard = new StandardAuthorizer({ superUsers, allowIfNoAcl }, new AclIndex([]))
    this.standard = standard
    this.rules = new Acls(table, (index) => {
      standard.index = index
    })
    this.enforcing = whenRightsAreChecked(settings) === 'always'
  }

  /** The rules; undefined while rights are not checked. */
  get acls(): Acls | undefined {
    return this.enforcing ? this.rules : undefined
  }

  /** A listener asks for a login: from now on rights are checked, unless the settings say never. */
  expectUsers(): void {
    this.enforcing ||= whenRightsAreChecked(this.options.config.settings) === 'with users'
  }

  /** What connections of listeners ask. */
  readonly authorizer: Authorizer = (connection, operation, resource) =>
    !this.enforcing ||
    connection.principal === internalPrincipal ||
    this.standard.allows(connection, operation, resource)

  /** May this be done with any resource of the type at all? */
  allowsAny(connection: ConnectionInfo, operation: Operation, type: Resource['type']): boolean {
    const ownProcess = connection.principal === internalPrincipal
    return ownProcess || !this.enforcing || this.standard.allowsAny(connection, operation, type)
  }

  /**
   * The ways to log in on a listener, each making an exchange for one login.
   *
   * @throws MR_CONFIG_INVALID
   */
  mechanisms(settings: BrokerSettings): ReadonlyMap<string, () => SaslExchange> {
    const found = new Map<string, () => SaslExchange>()
    for (const name of settings['sasl.enabled.mechanisms']) {
      found.set(name, this.mechanism(name as (typeof knownMechanisms)[number], settings))
    }
    if (found.size === 0) throw noMechanism()
    return found
  }

  /** Makes a SCRAM user, or gives it another password. @throws MR_OPTION_INVALID, MR_DISK_FULL, MR_DISK_FAILED */
  putScramUser(
    user: string,
    password: string,
    options: { readonly mechanism?: ScramMechanism; readonly iterations?: number } = {},
  ): void {
    const { iterations = SCRAM_ITERATIONS_MIN, mechanism = DEFAULT_MECHANISM } = options
    if (user === '' || password === '') {
      throw new MillraceError('MR_OPTION_INVALID', 'a user needs a name and a password')
    }
    const salt = this.options.platform.random.bytes(SALT_BYTES)
    const saltedPassword = saltPassword(mechanism, password, { salt, iterations })
    this.scramUsers.change([{ user, mechanism, iterations, salt, saltedPassword }], [])
  }

  /**
   * Makes a SCRAM user who is not there, and gives one with another password the given one. Nothing is written when
   * it is the same.
   *
   * @throws MR_OPTION_INVALID, MR_DISK_FULL, MR_DISK_FAILED
   */
  ensureScramUser(user: string, password: string): void {
    const known = this.scramUsers.find(user, DEFAULT_MECHANISM)
    if (known !== undefined && password !== '') {
      const { storedKey } = scramKeys(DEFAULT_MECHANISM, saltPassword(DEFAULT_MECHANISM, password, known))
      if (storedKey.equals(known.storedKey)) return
    }
    this.putScramUser(user, password)
  }

  private mechanism(name: (typeof knownMechanisms)[number], settings: BrokerSettings): () => SaslExchange {
    const { key, scramUsers } = this
    const { clock, random } = this.options.platform
    if (name === 'PLAIN') {
      const users = new PlainUsers(jaasUsers(settings['plain.sasl.jaas.config']), key)
      return () => new PlainExchange(users)
    }
    if (name === 'OAUTHBEARER') {
      const world = { clock, keys: this.keySource(settings), rules: tokenRules(settings) }
      return () => new OauthBearerExchange(world)
    }
    const world = {
      key,
      find: (user: string, mechanism: ScramMechanism) => scramUsers.find(user, mechanism),
      freshBytes: (count: number) => random.bytes(count),
    }
    return () => new ScramExchange(name, world)
  }

  private keySource(settings: BrokerSettings): KeySource {
    const url = settings['sasl.oauthbearer.jwks.endpoint.url']
    if (!/^(?:https?|file):\/\//.test(url)) {
      throw new MillraceError('MR_CONFIG_INVALID', 'OAUTHBEARER needs the keys that sign tokens', {
        where: 'sasl.oauthbearer.jwks.endpoint.url',
        hint: 'Set it to the JWKS of the identity provider: an https:// address, or a file:// path.',
      })
    }
    const { logger, platform } = this.options
    return new KeySource({
      platform,
      logger,
      url,
      refreshMs: settings['sasl.oauthbearer.jwks.endpoint.refresh.ms'],
    })
  }
}

const knownMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const

function whenRightsAreChecked(settings: BrokerSettings): 'always' | 'never' | 'with users' {
  const name = settings['authorizer.class.name']
  if (name === '') return 'with users'
  if (name === 'none') return 'never'
  if (name.split('.').at(-1) === 'StandardAuthorizer') return 'always'
  throw new MillraceError('MR_CONFIG_INVALID', `there is no authorizer "${name}"`, {
    where: 'authorizer.class.name',
    hint: 'Write StandardAuthorizer, or none.',
  })
}

function tokenRules(settings: BrokerSettings) {
  return {
    audience: settings['sasl.oauthbearer.expected.audience'],
    issuer: settings['sasl.oauthbearer.expected.issuer'],
    skewMs: settings['sasl.oauthbearer.clock.skew.seconds'] * 1000,
    userClaim: settings['sasl.oauthbearer.sub.claim.name'],
  }
}

function notPrincipals(text: string): MillraceError {
  return new MillraceError('MR_CONFIG_INVALID', `"${text}" is not a list of users`, {
    where: 'super.users',
    hint: 'Write User:alice;User:bob.',
  })
}

function noMechanism(): MillraceError {
  return new MillraceError('MR_CONFIG_INVALID', 'a listener with SASL has no way to log in', {
    where: 'sasl.enabled.mechanisms',
    hint: 'Name at least one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER.',
  })
}
