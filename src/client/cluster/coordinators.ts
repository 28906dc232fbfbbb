/** Which broker coordinates a group or a transactional id; asked once and kept until a broker says otherwise. */
import { invariant } from '../../core/invariant.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Random } from '../../platform/random.ts'
import { findCoordinator } from '../../protocol/apis/find-coordinator.ts'
import type { BrokerAddress } from '../connection/address.ts'
import type { NegotiatedConnection } from '../connection/negotiated.ts'
import { checkAnswer, type Place } from '../errors.ts'
import { withRetries } from '../retry.ts'

export type CoordinatorKind = 'group' | 'transaction'

const keyTypes: Readonly<Record<CoordinatorKind, number>> = { group: 0, transaction: 1 }
/** From here on several keys can be asked for at once, and the answer has another form. */
const BATCHED_FROM_VERSION = 4

export interface CoordinatorsOptions {
  readonly clock: Clock
  readonly random: Random
  readonly timeoutMs: number
  readonly anyBroker: () => Promise<NegotiatedConnection>
}

export class Coordinators {
  private readonly options: CoordinatorsOptions
  private readonly known = new Map<string, BrokerAddress>()

  constructor(options: CoordinatorsOptions) {
    this.options = options
  }

  /** @throws MR_TIMEOUT with the last answer as its cause, MR_KAFKA when it is refused */
  async find(kind: CoordinatorKind, key: string): Promise<BrokerAddress> {
    const known = this.known.get(`${kind} ${key}`)
    if (known !== undefined) return known
    const what = `finding the coordinator of ${kind} "${key}"`
    const found = await withRetries(this.options, { what, timeoutMs: this.options.timeoutMs }, () =>
      this.ask(kind, key),
    )
    this.known.set(`${kind} ${key}`, found)
    return found
  }

  /** The broker that was told is not the coordinator, or cannot be reached. */
  forget(kind: CoordinatorKind, key: string): void {
    this.known.delete(`${kind} ${key}`)
  }

  private async ask(kind: CoordinatorKind, key: string): Promise<BrokerAddress> {
    const connection = await this.options.anyBroker()
    const doing = 'find the coordinator'
    const place: Place = {
      broker: connection.broker,
      ...(kind === 'group' ? { group: key } : { transactionalId: key }),
    }
    const batched = connection.versions.choose(findCoordinator) >= BATCHED_FROM_VERSION
    const answer = await connection.send(findCoordinator, {
      keyType: keyTypes[kind],
      ...(batched ? { coordinatorKeys: [key] } : { key }),
    })
    const found = batched ? answer.coordinators[0] : answer
    invariant(found !== undefined, 'an answer about one key has one coordinator')
    checkAnswer(found.errorCode, doing, place, found.errorMessage)
    return { host: found.host, port: found.port }
  }
}
