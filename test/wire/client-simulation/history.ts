/**
 * What clients did and saw, and the check of it against what a log promises: the anomalies that Jepsen's Kafka
 * workload looks for (lost write, aborted read, duplicate, reordering, torn transaction).
 */
import assert from 'node:assert/strict'

export interface Write {
  readonly value: string
  readonly producer: string
  readonly partition: number
  /** Undefined outside of transactions. */
  readonly transaction?: number
  outcome: 'acknowledged' | 'failed' | 'unknown'
}

export interface Read {
  readonly value: string
  readonly partition: number
  readonly offset: number
}

export class History {
  readonly writes = new Map<string, Write>()
  /** How each transaction ended: `${producer} ${number}`. */
  readonly transactions = new Map<string, 'committed' | 'aborted' | 'unknown'>()
  /** What members of the group read, in the order in which each read it. */
  readonly polled = new Map<string, Read[]>()

  write(write: Write): Write {
    assert.ok(!this.writes.has(write.value), 'every value is written once')
    this.writes.set(write.value, write)
    return write
  }

  /** @param log all records that `read_committed` shows in the end, in order per partition */
  check(log: readonly Read[]): void {
    const places = new Map<string, Read>()
    for (const read of log) {
      assert.ok(this.writes.has(read.value), `${read.value} was written by somebody`)
      assert.ok(!places.has(read.value), `${read.value} is there once`)
      places.set(read.value, read)
    }
    this.checkPlain(places)
    this.checkTransactions(places)
    this.checkOrder(places)
    this.checkPolls(places)
  }

  private checkPlain(places: ReadonlyMap<string, Read>): void {
    for (const { value, outcome, transaction, partition } of this.writes.values()) {
      if (transaction !== undefined) continue
      if (outcome === 'acknowledged') {
        assert.equal(places.get(value)?.partition, partition, `${value} was acknowledged and is there`)
      }
    }
  }

  private checkTransactions(places: ReadonlyMap<string, Read>): void {
    const written = Map.groupBy(
      [...this.writes.values()].filter(({ transaction }) => transaction !== undefined),
      ({ producer, transaction }) => `${producer} ${transaction}`,
    )
    for (const [name, writes] of written) {
      const seen = writes.filter(({ value }) => places.has(value)).length
      const ended = this.transactions.get(name)
      if (ended === 'committed') assert.equal(seen, writes.length, `all of committed ${name} is there`)
      else if (ended === 'aborted') assert.equal(seen, 0, `nothing of aborted ${name} is there`)
      else assert.ok(seen === 0 || seen === writes.length, `${name} is there as a whole or not at all`)
    }
  }

  /** Values of one producer count up, so their order in a partition is their order of sending. */
  private checkOrder(places: ReadonlyMap<string, Read>): void {
    const last = new Map<string, { readonly offset: number; readonly value: string }>()
    for (const { value, producer, partition } of this.writes.values()) {
      const place = places.get(value)
      if (place === undefined) continue
      const key = `${producer} ${partition}`
      const before = last.get(key)
      assert.ok(before === undefined || before.offset < place.offset, `${before?.value} is before ${value}`)
      last.set(key, { offset: place.offset, value })
    }
  }

  private checkPolls(places: ReadonlyMap<string, Read>): void {
    for (const [member, reads] of this.polled) {
      for (const { value, offset, partition } of reads) {
        const place = places.get(value)
        assert.ok(place !== undefined, `${member} read ${value}, which is in the log`)
        assert.equal(place.offset, offset, `${member} read ${value} at its offset`)
        assert.equal(place.partition, partition)
      }
    }
  }
}
