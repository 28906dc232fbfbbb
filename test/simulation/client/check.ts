/**
 * Holds the history of a run against what the topics hold in the end, read by somebody who took no part:
 * every class of anomaly.ts that cannot be seen at once.
 */
import { expect } from './anomaly.ts'
import { type Gap, type History, type Isolation, placeOf, type Read, type Write } from './history.ts'

export interface Ending {
  /** All records, in order per partition. */
  readonly committed: readonly Read[]
  readonly uncommitted: readonly Read[]
  /** Readers and groups that read `events` to its end, and how. */
  readonly readers: ReadonlyMap<string, Isolation>
  /** Committed positions of groups in `events`. */
  readonly positions: ReadonlyMap<string, number>
  /** Whether old commits may have been on their way behind newer ones of the same generation. */
  readonly lateCommits: boolean
  /** Copiers took part, and have come to the end of `events`. */
  readonly copied: boolean
}

export const EVENTS = 'events'
export const COPIES = 'copies'

export function checkHistory(history: History, ending: Ending): void {
  const uncommitted = places(history, ending.uncommitted)
  const committed = places(history, ending.committed)
  for (const read of ending.uncommitted) history.look(read, 'the end')
  for (const read of ending.committed) history.look(read, 'the end')
  checkAcknowledged(history, { committed, uncommitted })
  checkTransactions(history, committed)
  checkOrder(history, committed)
  checkGaps(history, ending)
  checkReaders(history, ending)
  checkPositions(history, ending)
  if (ending.copied) checkCopies(ending)
}

type Places = ReadonlyMap<string, Read>

function places(history: History, reads: readonly Read[]): Places {
  const found = new Map<string, Read>()
  for (const read of reads) {
    const write = history.writes.get(read.value)
    expect(write !== undefined && write.topic === read.topic, 'phantom', () => {
      return `${read.value} at ${placeOf(read)}`
    })
    const before = found.get(read.value)
    expect(before === undefined, 'duplicate', () => {
      return `${read.value} at ${placeOf(before!)} and ${placeOf(read)}`
    })
    found.set(read.value, read)
  }
  return found
}

function checkAcknowledged(
  history: History,
  { committed, uncommitted }: { readonly committed: Places; readonly uncommitted: Places },
): void {
  for (const write of history.writes.values()) {
    if (write.state !== 'acknowledged') continue
    // Also what was aborted stays in the log: it was acknowledged as a part of its transaction.
    const place = uncommitted.get(write.value)
    expect(place !== undefined, 'lost-write', () => `${write.value} was acknowledged`)
    const { offset, partition } = write
    const same = (offset < 0 || place.offset === offset) && place.partition === partition
    expect(same, 'inconsistent-offsets', () => {
      return `${write.value} was acknowledged at ${partition}@${offset} and is at ${placeOf(place)}`
    })
    if (write.transaction !== undefined) continue
    expect(committed.has(write.value), 'lost-write', () => `${write.value} is hidden from read_committed`)
  }
}

function checkTransactions(history: History, committed: Places): void {
  for (const { name, state, writes } of history.transactions) {
    const there = writes.filter(({ value }) => committed.has(value))
    const missing = writes.find(({ value }) => !committed.has(value))
    if (state === 'open') {
      expect(there.length === 0, 'dirty-read', () => `${there[0]!.value} of ${name}, which nobody committed`)
    } else if (state === 'aborted') {
      expect(there.length === 0, 'aborted-read', () => `${there[0]!.value} of ${name}, which was aborted`)
    } else {
      expect(there.length === 0 || missing === undefined, 'torn-transaction', () => {
        return `${name} (${state}) has ${there[0]!.value}, and not ${missing!.value}`
      })
    }
    if (state === 'committed') {
      expect(missing === undefined, 'lost-write', () => `${missing!.value} of ${name}, which was committed`)
    }
  }
}

/** In each partition, records of one producer stand in the order in which they were sent; lives do not overlap. */
function checkOrder(history: History, committed: Places): void {
  const last = new Map<string, { readonly write: Write; readonly read: Read }>()
  const keyPlaces = new Map<string, Read>()
  for (const write of history.writes.values()) {
    const read = committed.get(write.value)
    if (read === undefined) continue
    // Without a transactional id nobody stops what a program that is gone had sent.
    const alone = write.transaction === undefined || history.contested.has(`${write.actor}.${write.life}`)
    const life = alone ? ` ${write.life}` : ''
    const line = `${write.actor}${life} ${read.topic} ${read.partition}`
    const before = last.get(line)
    if (before === undefined || isBefore(before.write, write)) {
      expect(before === undefined || before.read.offset < read.offset, kindOf(before?.write, write), () =>
        swapped(before!.read, read),
      )
      last.set(line, { write, read })
    } else {
      expect(read.offset < before.read.offset, kindOf(write, before.write), () => swapped(read, before.read))
    }
    if (write.key === undefined) continue
    const other = keyPlaces.get(write.key)
    expect(other === undefined || other.partition === read.partition, 'out-of-order', () => {
      return `key ${write.key} is in ${other!.partition} and in ${read.partition}`
    })
    keyPlaces.set(write.key, read)
  }
}

const isBefore = (a: Write, b: Write): boolean =>
  a.life < b.life || (a.life === b.life && a.number < b.number)

function kindOf(a: Write | undefined, b: Write): 'zombie-write' | 'out-of-order' | 'nonmonotonic-send' {
  if (a !== undefined && a.life !== b.life) return 'zombie-write'
  return a?.key !== undefined && a.key === b.key ? 'out-of-order' : 'nonmonotonic-send'
}

const swapped = (a: Read, b: Read): string => `${a.value} at ${placeOf(a)}, ${b.value} at ${placeOf(b)}`

function checkGaps(history: History, ending: Ending): void {
  const visible = {
    read_committed: new Map(ending.committed.map((read) => [placeOf(read), read])),
    read_uncommitted: new Map(ending.uncommitted.map((read) => [placeOf(read), read])),
  }
  for (const gap of history.gaps) {
    const skipped = firstIn(gap, visible[gap.isolation])
    expect(skipped === undefined, 'poll-skip', () => {
      return `${gap.reader} goes from ${gap.from} to ${gap.to} past ${skipped!.value} at ${placeOf(skipped!)}`
    })
  }
}

function firstIn({ topic, partition, from, to }: Gap, visible: ReadonlyMap<string, Read>): Read | undefined {
  for (let offset = from; offset < to; offset++) {
    const read = visible.get(placeOf({ topic, partition, offset }))
    if (read !== undefined) return read
  }
  return undefined
}

function checkReaders(history: History, ending: Ending): void {
  for (const [reader, isolation] of ending.readers) {
    const seen = history.readers.get(reader) ?? new Set()
    const all = isolation === 'read_committed' ? ending.committed : ending.uncommitted
    const missing = all.find(({ topic, value }) => topic === EVENTS && !seen.has(value))
    expect(
      missing === undefined,
      'unseen',
      () => `${reader} never got ${missing!.value} at ${placeOf(missing!)}`,
    )
  }
}

function checkPositions(history: History, { positions, lateCommits }: Ending): void {
  if (lateCommits) return
  for (const [place, committed] of history.commits) {
    const position = positions.get(place) ?? -1
    expect(
      position >= committed,
      'lost-commit',
      () => `${place}: ${committed} was committed, ${position} is there`,
    )
  }
}

/** Each committed event has exactly one pair of copies, and those of a partition are in its order. */
function checkCopies({ committed }: Ending): void {
  const copies = new Map<string, Read[]>()
  const last = new Map<string, { readonly from: number; readonly read: Read }>()
  for (const read of committed) {
    if (read.topic !== COPIES) continue
    const { half, of, offset } = copyOf(read.value)
    const known = copies.get(`${of} ${half}`)
    if (known === undefined) copies.set(`${of} ${half}`, [read])
    else known.push(read)
    const line = `${of.split('@')[0]} ${half}`
    const before = last.get(line)
    expect(before === undefined || before.from <= offset, 'out-of-order', () => swapped(before!.read, read))
    last.set(line, { from: offset, read })
  }
  for (const read of committed) {
    if (read.topic !== EVENTS) continue
    for (const half of ['a', 'b']) {
      const found = copies.get(`${read.partition}@${read.offset} ${half}`) ?? []
      expect(found.length <= 1, 'repeated-input', () => `${placeOf(read)}: ${swapped(found[0]!, found[1]!)}`)
      expect(found.length === 1, 'skipped-input', () => `${read.value} at ${placeOf(read)}`)
    }
  }
}

/** `copier0.1/7 1@42 a`: who made the copy, of which place, and which half of the pair it is. */
function copyOf(value: string): { readonly of: string; readonly offset: number; readonly half: string } {
  const [, of = '', half = ''] = value.split(' ')
  return { of, half, offset: Number(of.split('@')[1]) }
}
