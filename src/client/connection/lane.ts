/**
 * A set of connections for one purpose, at most one per broker.
 *
 * A broker works on one request per connection at a time, so whoever waits (a long poll, a join of a group) has a
 * lane of its own and holds up nobody else.
 */
import { closedError } from '../errors.ts'
import { type BrokerAddress, formatAddress } from './address.ts'
import { BrokerLink, type BrokerLinkOptions } from './broker-link.ts'
import type { NegotiatedConnection } from './negotiated.ts'

export interface LaneOptions extends Pick<BrokerLinkOptions, 'clock' | 'random'> {
  /** Opens a connection to an address. */
  readonly open: (address: BrokerAddress, signal: AbortSignal) => Promise<NegotiatedConnection>
  readonly onClose: (lane: Lane) => void
}

export class Lane {
  readonly name: string
  private readonly options: LaneOptions
  private readonly links = new Map<string, BrokerLink>()
  private closed = false

  constructor(name: string, options: LaneOptions) {
    this.name = name
    this.options = options
  }

  /** The way to an address. @throws MR_CLOSED */
  link(address: BrokerAddress): BrokerLink {
    if (this.closed) throw closedError(`the lane "${this.name}"`)
    const name = formatAddress(address)
    let link = this.links.get(name)
    if (link === undefined) {
      const { clock, random } = this.options
      link = new BrokerLink(name, { clock, random, open: (signal) => this.options.open(address, signal) })
      this.links.set(name, link)
    }
    return link
  }

  /** Ends all connections; what waits for an answer is rejected. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.options.onClose(this)
    await Promise.all([...this.links.values()].map((link) => link.close()))
  }
}
