/** What the producers were told, record by record, and whether what stands in the log agrees with it. */

/** Of the transactions of a producer: what `commit` or `abort` said; `unknown` when neither answered. */
export type Outcome = 'committed' | 'aborted' | 'unknown'

/** One producer's records: numbered from 0, each with the transaction that it belongs to. */
export class ProducerHistory {
  readonly name: string
  /** Of each record; none when the producer has no transactions. */
  readonly transactions: number[] = []
  readonly outcomes: Outcome[] = []
  /** How many records were handed to `send`. */
  sent = 0
  /** Records that `send` has refused in the end. */
  readonly failed = new Set<number>()
  /** Of what was sent before this one nothing is promised: the topic was deleted since. */
  promisedFrom = 0

  constructor(name: string) {
    this.name = name
  }

  /** Whether a record must be read: `undefined` when it may be either way. */
  expected(sequence: number): boolean | undefined {
    if (sequence < this.promisedFrom) return undefined
    const transaction = this.transactions[sequence]
    if (transaction === undefined) return this.failed.has(sequence) ? undefined : true
    const outcome = this.outcomes[transaction] ?? 'unknown'
    return outcome === 'unknown' ? undefined : outcome === 'committed'
  }
}

/** How many records may be there or not. */
export function uncertainOf(history: ProducerHistory): number {
  let count = 0
  for (let one = history.promisedFrom; one < history.sent; one++) {
    if (history.expected(one) === undefined) count++
  }
  return count
}

/** `producer:sequence`. */
export const textOf = (producer: string, sequence: number): string => `${producer}:${sequence}`

export interface ReadRecord {
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly value: string
}

export interface Anomalies {
  readonly lost: string[]
  readonly duplicated: string[]
  readonly outOfOrder: string[]
  readonly abortedRead: string[]
  /** Transactions of which a part is there. */
  readonly torn: string[]
}

export const anomalyCount = (found: Anomalies): number =>
  Object.values(found).reduce((sum: number, one: string[]) => sum + one.length, 0)

/** Checks what `read_committed` gives of the whole topic, partition by partition in order of offsets. */
export function checkLog(histories: readonly ProducerHistory[], records: Iterable<ReadRecord>): Anomalies {
  const found: Anomalies = { lost: [], duplicated: [], outOfOrder: [], abortedRead: [], torn: [] }
  const counts = new Map(histories.map(({ name, sent }) => [name, new Uint8Array(sent)]))
  const last = new Map<string, number>()
  for (const { partition, offset, key, value } of records) {
    const [producer = '', number = ''] = value.split(':')
    const sequence = Number(number)
    const count = counts.get(producer)
    if (count === undefined || sequence >= count.length) throw new Error(`nobody has sent ${value}`)
    const where = `${value} at ${partition}/${offset}`
    if (++count[sequence]! === 2) found.duplicated.push(where)
    if (histories.some((one) => one.name === producer && sequence < one.promisedFrom)) continue
    const line = `${partition} ${producer} ${key}`
    if (sequence < (last.get(line) ?? -1)) found.outOfOrder.push(where)
    last.set(line, sequence)
  }
  for (const history of histories) checkProducer(history, counts.get(history.name)!, found)
  return found
}

function checkProducer(history: ProducerHistory, counts: Uint8Array, found: Anomalies): void {
  /** Of transactions whose end is not known: how many records are there, of how many. */
  const parts = new Map<number, { there: number; all: number }>()
  for (let sequence = 0; sequence < history.sent; sequence++) {
    const expected = history.expected(sequence)
    const there = counts[sequence]! > 0
    const value = textOf(history.name, sequence)
    if (expected === true && !there) found.lost.push(value)
    if (expected === false && there) found.abortedRead.push(value)
    const transaction = history.transactions[sequence]
    if (expected !== undefined || transaction === undefined) continue
    const part = parts.get(transaction) ?? { there: 0, all: 0 }
    part.all++
    if (there) part.there++
    parts.set(transaction, part)
  }
  for (const [transaction, { there, all }] of parts) {
    if (there !== 0 && there !== all)
      found.torn.push(`${history.name}, transaction ${transaction}: ${there} of ${all}`)
  }
}
