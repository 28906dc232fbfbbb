/** Faults that are planted, one for each kind of anomaly at least: the checker has to find them. */
import { sleep } from '../../../src/platform/clock.ts'
import type { DiskFile } from '../../../src/platform/disk.ts'
import type { Platform } from '../../../src/platform/platform.ts'
import type { AnomalyKind } from './anomaly.ts'
import type { Read } from './history.ts'
import type { Plant } from './plant.ts'
import { type Actor, BROKER, type Fault, type Scenario } from './scenario.ts'

export interface NamedPlant extends Plant {
  readonly name: string
  /** The first is what it is planted for; another may show first. */
  readonly foundAs: readonly AnomalyKind[]
}

const committedPoller: Actor = { kind: 'poller', name: 'poller0', isolation: 'read_committed' }

/** These actors and faults instead of the drawn ones. */
const only =
  (actors: readonly Actor[], faults: readonly Fault[]) =>
  (scenario: Scenario): Scenario => ({
    ...scenario,
    flush: 'group',
    actors: [...actors, committedPoller],
    faults,
  })

const producer = (name: string): Actor => ({
  kind: 'producer',
  name,
  deliveryTimeoutMs: 120_000,
  lingerMs: 0,
})
const transactor = (name: string): Actor => ({ kind: 'transactor', name, version: 2, timeoutMs: 10_000 })
const copier = (name: string): Actor => ({ kind: 'copier', name, version: 2, protocol: 'classic' })
const member = (name: string): Actor => ({ kind: 'member', name, protocol: 'classic', assignors: 'range' })

const times = (count: number, make: (index: number) => Fault): Fault[] =>
  Array.from({ length: count }, (_, index) => make(index))

const powerCuts = times(5, (index) => ({
  atMs: 300 + 500 * index,
  at: BROKER,
  kind: 'kill',
  how: 'power',
  downMs: 50,
  again: [],
}))
/** Requests arrive, and their answers are lost. */
const lostAnswers = (at: string): Fault[] =>
  times(6, (index) => ({ atMs: 200 + 250 * index, at, kind: 'partition', way: 'from', ms: 120, cut: true }))

const kills = (at: string): Fault[] =>
  times(6, (index) => ({ atMs: 200 + 300 * index, at, kind: 'kill', how: 'process', downMs: 20, again: [] }))

/** A disk whose syncs take a while, do nothing, and say that they are done. */
function withoutSyncs(platform: Platform): Platform {
  const idle = (file: DiskFile): DiskFile => ({
    path: file.path,
    size: () => file.size(),
    read: (into, at, count, position) => file.read(into, at, count, position),
    write: (from, start, end, position) => file.write(from, start, end, position),
    truncate: (length) => file.truncate(length),
    sync: () => sleep(platform.clock, 1),
    syncNow: () => {},
    close: () => file.close(),
  })
  const isLog = (path: string): boolean => path.endsWith('.log')
  const { disk } = platform
  const open: typeof disk.open = (path, mode) =>
    isLog(path) ? idle(disk.open(path, mode)) : disk.open(path, mode)
  return { ...platform, disk: { ...disk, open } }
}

/** Changes every answer that has at least two records. */
const changed = (change: (reads: readonly Read[]) => readonly Read[]) => (reads: readonly Read[]) =>
  reads.length < 2 ? reads : change(reads)

export const plantedFaults: readonly NamedPlant[] = [
  {
    name: 'records that are acknowledged before they are on the disk',
    foundAs: ['lost-write', 'inconsistent-offsets', 'poll-skip', 'nonmonotonic-poll', 'stuck', 'broken'],
    scenario: only([producer('producer0'), producer('producer1')], powerCuts),
    disguise: withoutSyncs,
  },
  {
    name: 'producers that send again without being idempotent',
    foundAs: ['duplicate'],
    scenario: only([producer('producer0')], lostAnswers('producer0')),
    producer: { idempotent: false, acks: -1 },
  },
  {
    name: 'records that nobody wrote',
    foundAs: ['phantom'],
    polled: changed((reads) => reads.map((read) => ({ ...read, value: `${read.value}0.` }))),
  },
  {
    name: 'offsets that change their values',
    foundAs: ['inconsistent-offsets'],
    scenario: only([producer('producer0'), producer('producer1')], []),
    polled: changed(([first, second, ...rest]) => [
      { ...first!, value: second!.value },
      { ...second!, value: first!.value },
      ...rest,
    ]),
  },
  {
    name: 'aborted transactions that are read',
    foundAs: ['aborted-read', 'lost-write'],
    scenario: only([transactor('transactor0')], []),
    lies: true,
  },
  {
    name: 'transactions that are read before their commit',
    foundAs: ['dirty-read', 'aborted-read'],
    scenario: only([transactor('transactor0'), transactor('transactor1')], []),
    consumer: { isolation: 'read_uncommitted' },
  },
  {
    name: 'transactions that are committed in two parts',
    foundAs: ['torn-transaction', 'aborted-read', 'lost-write'],
    scenario: only([transactor('transactor0')], []),
    tears: true,
  },
  {
    name: 'zombies that nobody fences',
    foundAs: ['zombie-write'],
    scenario: only([transactor('transactor0')], [{ atMs: 400, at: 'transactor0', kind: 'succeed', ms: 700 }]),
    ownIds: true,
  },
  {
    name: 'answers that begin again behind their end',
    foundAs: ['nonmonotonic-poll'],
    polled: changed((reads) => [...reads, ...reads]),
  },
  {
    name: 'answers without their first record',
    foundAs: ['poll-skip'],
    scenario: only([producer('producer0'), producer('producer1')], []),
    polled: changed((reads) => reads.slice(1)),
  },
  {
    name: 'records that are sent in another order than was asked for',
    foundAs: ['nonmonotonic-send', 'out-of-order'],
    scenario: only([producer('producer0')], []),
    swaps: true,
  },
  {
    name: 'records of one key in several partitions',
    foundAs: ['out-of-order'],
    scenario: (scenario) => ({ ...only([producer('producer0')], [])(scenario), partitions: 3 }),
    scatters: true,
  },
  {
    name: 'a group that begins behind what it has not read',
    foundAs: ['unseen'],
    scenario: only([producer('producer0'), member('member0')], []),
    consumer: { offsetReset: 'latest' },
  },
  {
    name: 'a commit that is acknowledged and not kept',
    foundAs: ['lost-commit'],
    scenario: only([producer('producer0'), member('member0')], []),
    commitsAhead: true,
  },
  {
    name: 'positions that are not committed with the outputs',
    foundAs: ['repeated-input', 'stuck'],
    scenario: only([producer('producer0'), copier('copier0')], kills('copier0')),
    positions: 'after',
  },
  {
    name: 'positions that are committed without the outputs',
    foundAs: ['skipped-input'],
    scenario: only([producer('producer0'), copier('copier0')], []),
    positions: 'before',
  },
  {
    name: 'a partition of the network that is not healed',
    foundAs: ['stuck'],
    scenario: (scenario) => ({
      ...only([producer('producer0')], [])(scenario),
      faultyMs: 300,
      faults: [{ atMs: 100, at: 'poller0', kind: 'partition', way: 'both', ms: 100, cut: false }],
    }),
    staysCut: true,
    endLimitMs: 10_000,
  },
  {
    name: 'an error without a name',
    foundAs: ['broken'],
    polled: changed((reads) => {
      throw new TypeError(`${reads.length} is not a function`)
    }),
  },
]
