/**
 * A replay from the oldest record gives the same answer however many partitions there are and however fast each is read:
 * tasks over an in-memory log, compared with each other and with a naive model.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  comparable,
  expectedResults,
  lateTopic,
  type ReplayEvents,
  replayEvents,
  replayPipeline,
  resultTopics,
} from '../replay-fixture.ts'
import { generator, MemoryRun, type Pace } from './memory-run-fixture.ts'

interface How {
  readonly partitions: number
  readonly seed: number
  readonly crashes?: number
  readonly pace?: Pace
  readonly laneBytesMax?: number
}

/** Runs the pipeline over the events; gives each result topic's records by partition. */
function results(
  { events, others }: ReplayEvents,
  { partitions, seed, crashes = 0, pace, laneBytesMax = 1_000_000 }: How,
): { byPartition: string[][][]; late: string[] } {
  const chance = generator(seed)
  const run = new MemoryRun(replayPipeline().plan(), partitions, {
    batchBytesMax: 200 + Math.floor(chance() * 2000),
    laneBytesMax,
  })
  run.source('events', events, 1 + Math.floor(chance() * 5))
  run.source('others', others, 1 + Math.floor(chance() * 5))
  run.run(chance, crashes, undefined, pace)
  return { byPartition: resultTopics.map((topic) => run.texts(topic)), late: run.texts(lateTopic).flat() }
}

/** The sequence of records of each key: what one partition's order promises. */
function byKey(byPartition: string[][][]): Record<string, string[]>[] {
  return byPartition.map((partitions) => {
    const sequences: Record<string, string[]> = {}
    for (const text of partitions.flat()) {
      const key = /"key":"(.*?)"|^(\S+)/.exec(text)?.slice(1).join('') ?? ''
      sequences[key] ??= []
      sequences[key].push(text)
    }
    return sequences
  })
}

const inputs = fc.record({ events: replayEvents(80), others: replayEvents(40) })
const paces = ['even', 'by-chance', 'wild'] as const

describe('a replay', () => {
  it('gives the same records in the same order per key however fast each partition is read', () => {
    fc.assert(
      fc.property(inputs, fc.constantFrom(1, 2, 8), fc.nat(), (events, partitions, seed) => {
        const even = results(events, { partitions, seed, pace: 'even' })
        for (const pace of ['by-chance', 'wild'] as const) {
          const other = results(events, { partitions, seed: seed + 1, pace })
          assert.deepEqual(byKey(other.byPartition), byKey(even.byPartition), pace)
          assert.deepEqual(other.late, [], 'nothing is late when each partition is in order')
        }
      }),
      { numRuns: 25 },
    )
  })

  it('gives the windows, sessions and pairs of a naive model on 1, 2 and 8 partitions, and nothing is late', () => {
    fc.assert(
      fc.property(inputs, fc.nat(), (events, seed) => {
        const expected = expectedResults(events)
        for (const partitions of [1, 2, 8]) {
          for (const pace of paces) {
            const { byPartition, late } = results(events, { partitions, seed, pace })
            for (const [at, topic] of resultTopics.entries()) {
              const what = `${topic} of ${partitions} partitions, ${pace}`
              assert.deepEqual(comparable(byPartition[at]!.flat()), comparable(expected[topic]), what)
            }
            assert.deepEqual(late, [], `${partitions} partitions, ${pace}`)
          }
        }
      }),
      { numRuns: 15 },
    )
  })

  it('gives the same after crashes, each task going on from its commit', () => {
    fc.assert(
      fc.property(
        inputs,
        fc.constantFrom(1, 2, 4),
        fc.constantFrom(...paces),
        fc.nat(),
        (events, partitions, pace, seed) => {
          const clean = results(events, { partitions, seed })
          const crashed = results(events, { partitions, seed: seed + 1, crashes: 12, pace })
          for (let at = 0; at < resultTopics.length; at++) {
            for (let p = 0; p < partitions; p++) {
              assert.deepEqual(
                crashed.byPartition[at]![p]!.toSorted(),
                clean.byPartition[at]![p]!.toSorted(),
                resultTopics[at],
              )
            }
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('gives the same when lanes have hardly any room and are read again', () => {
    fc.assert(
      fc.property(
        inputs,
        fc.constantFrom(2, 4),
        fc.constantFrom(...paces),
        fc.nat(),
        (events, partitions, pace, seed) => {
          const roomy = results(events, { partitions, seed })
          const tight = results(events, { partitions, seed: seed + 1, crashes: 3, pace, laneBytesMax: 300 })
          for (let at = 0; at < resultTopics.length; at++) {
            assert.deepEqual(
              tight.byPartition[at]!.flat().toSorted(),
              roomy.byPartition[at]!.flat().toSorted(),
            )
          }
        },
      ),
      { numRuns: 40 },
    )
  })
})
