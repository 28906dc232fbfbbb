/** What the clients of a run did and saw. What can be judged at once is; the rest waits for the end (check.ts). */
import { expect } from './anomaly.ts'

export type Isolation = 'read_committed' | 'read_uncommitted'

/** One life of a transactional producer's transaction. `ending`: its commit was asked for, nobody knows more. */
export interface Transaction {
  readonly name: string
  readonly writes: Write[]
  state: 'open' | 'ending' | 'committed' | 'aborted'
}

export interface Write {
  readonly value: string
  readonly topic: string
  readonly key: string | undefined
  /** Who writes under this name, one after the other; and the number of the life. */
  readonly actor: string
  readonly life: number
  /** Counts up in the order of sending within a life. */
  readonly number: number
  readonly transaction: Transaction | undefined
  state: 'sent' | 'acknowledged' | 'failed'
  /** Where the acknowledgement says it is; -1 when it does not say. */
  partition: number
  offset: number
}

export interface Read {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string | undefined
  readonly value: string
}

/** A reader was led from one offset to another: nothing may be there between. */
export interface Gap {
  readonly reader: string
  readonly isolation: Isolation
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

export const placeOf = ({ topic, partition, offset }: Omit<Read, 'key' | 'value'>): string =>
  `${topic}/${partition}@${offset}`

export class History {
  readonly writes = new Map<string, Write>()
  readonly transactions: Transaction[] = []
  readonly gaps: Gap[] = []
  /** The value at each place, as far as anybody saw it, with who saw it first. */
  readonly seen = new Map<string, { readonly value: string; readonly by: string }>()
  /** The values that each reader, or group of readers, was given. */
  readonly readers = new Map<string, Set<string>>()
  /** Lives that asked for a producer id while another one of the actor did: nobody knows which came later. */
  readonly contested = new Set<string>()
  private readonly asking = new Map<string, Set<string>>()
  /** The highest position that a group's commits were acknowledged for, by group and partition. */
  readonly commits = new Map<string, number>()

  /** A life asks for a producer id, until the function is called that is given. */
  ask(actor: string, life: number): () => void {
    const asking = this.asking.get(actor) ?? new Set()
    this.asking.set(actor, asking)
    const name = `${actor}.${life}`
    asking.add(name)
    if (asking.size > 1) for (const one of asking) this.contested.add(one)
    return () => void asking.delete(name)
  }

  begin(name: string): Transaction {
    const transaction: Transaction = { name, writes: [], state: 'open' }
    this.transactions.push(transaction)
    return transaction
  }

  write(write: Omit<Write, 'state' | 'partition' | 'offset'>): Write {
    const one: Write = { ...write, state: 'sent', partition: -1, offset: -1 }
    expect(!this.writes.has(one.value), 'broken', () => `the simulation writes ${one.value} twice`)
    this.writes.set(one.value, one)
    one.transaction?.writes.push(one)
    return one
  }

  read(read: Read, isolation: Isolation, by: { readonly reader: string; readonly of: string }): void {
    const { reader, of } = by
    const write = this.writes.get(read.value)
    expect(write !== undefined && write.topic === read.topic, 'phantom', () => {
      return `${reader} reads ${read.value} at ${placeOf(read)}`
    })
    this.look(read, reader)
    if (isolation === 'read_committed') checkCommitted(write, read, reader)
    const values = this.readers.get(of)
    if (values === undefined) this.readers.set(of, new Set([read.value]))
    else values.add(read.value)
  }

  committed(group: string, partition: number, offset: number): void {
    const key = `${group} ${partition}`
    this.commits.set(key, Math.max(offset, this.commits.get(key) ?? 0))
  }

  /** One offset has one value, whoever looks. */
  look(read: Read, by: string): void {
    const place = placeOf(read)
    const before = this.seen.get(place)
    if (before === undefined) this.seen.set(place, { value: read.value, by })
    else {
      expect(before.value === read.value, 'inconsistent-offsets', () => {
        return `${by} reads ${read.value} at ${place}, ${before.by} read ${before.value}`
      })
    }
  }
}

function checkCommitted({ transaction }: Write, read: Read, reader: string): void {
  if (transaction === undefined) return
  const where = (): string => `${reader} reads ${read.value} at ${placeOf(read)}`
  expect(transaction.state !== 'aborted', 'aborted-read', where)
  expect(transaction.state !== 'open', 'dirty-read', where)
}

/** Where a reader stands in a partition, for as long as nobody moves it. */
export class Track {
  private readonly history: History
  private readonly reader: string
  private readonly isolation: Isolation
  private readonly next = new Map<string, number>()

  constructor(history: History, reader: string, isolation: Isolation) {
    this.history = history
    this.reader = reader
    this.isolation = isolation
  }

  /** It may begin anywhere now. */
  forget(topic: string, partition: number): void {
    this.next.delete(`${topic}/${partition}`)
  }

  moveTo(topic: string, partition: number, offset: number): void {
    this.next.set(`${topic}/${partition}`, offset)
  }

  /** @param from where the answer begins @param to where it says to go on */
  poll(
    place: { readonly topic: string; readonly partition: number; readonly from: number; readonly to: number },
    reads: readonly Read[],
  ): void {
    const { topic, partition, from, to } = place
    const name = `${topic}/${partition}`
    let next = this.next.get(name) ?? from
    for (const read of reads) {
      expect(read.offset >= next, 'nonmonotonic-poll', () => {
        return `${this.reader} gets ${read.value} at ${placeOf(read)} when ${next} is due`
      })
      this.skip(topic, partition, next, read.offset)
      next = read.offset + 1
    }
    expect(to >= next, 'nonmonotonic-poll', () => `${this.reader} is led back to ${name}@${to} from ${next}`)
    this.skip(topic, partition, next, to)
    this.next.set(name, to)
  }

  private skip(topic: string, partition: number, from: number, to: number): void {
    const { reader, isolation } = this
    if (to > from) this.history.gaps.push({ reader, isolation, topic, partition, from, to })
  }
}
