/** What the compared topologies are written with; StreamsWitness.java has the same words. */
import { stringSerde } from '../../../src/core/serde.ts'
import type { Pipeline } from '../../../src/dsl/pipeline.ts'
import type { Stream } from '../../../src/dsl/stream.ts'
import type { Table } from '../../../src/dsl/table.ts'
import { aggregator } from '../../../src/operators/aggregator.ts'
import type { Windowed } from '../../../src/operators/windowed.ts'
import type { InputShape } from '../inputs.ts'

export interface Alike {
  readonly why: string
  /** Compared as sets: all results, or those that were given out without a partner. */
  readonly sorted?: 'all' | 'alone'
  /** Compared without timestamps. */
  readonly timeless?: true
  /** Only the last result of each key is compared. */
  readonly last?: true
}

export interface ComparedTopology {
  readonly name: string
  readonly build: (app: Pipeline) => Stream<string, unknown>
  readonly shape?: Partial<InputShape>
  /** Kafka Streams is slow with it: the short form runs a part of the inputs. */
  readonly slow?: true
  /** How outputs are made alike before they are compared, with the reason. */
  readonly alike?: Alike
}

export const stream = (app: Pipeline, topic: string): Stream<string, string> => app.stream(topic, stringSerde)
export const table = (app: Pipeline, topic: string): Table<string, string, null> =>
  app.table(topic, stringSerde)
export const versioned = (app: Pipeline, topic: string): Table<string, string, null> =>
  app.table(topic, stringSerde, { history: '30 ms' })

export const joined = (left: string | null, right: string | null): string => `${left}+${right}`
export const keeps = (value: string): boolean => (value.charCodeAt(value.length - 1) & 1) === 0
export const prefix = (value: string): string => value.slice(0, 1)
export const reference = (value: string): string | null => {
  const at = value.indexOf(':')
  return at < 0 ? null : value.slice(at + 1)
}
export const windowText = (w: Windowed<string>): string => `${w.key}@${w.windowStartMs}/${w.windowEndMs}`

export const joinText = aggregator<string, string>({
  init: () => '',
  add: (all, value) => all + value,
  merge: (one, two) => one + two,
})
