/** The topologies of StreamsWitness.java in our words, under the same names. */
import { json } from '../../src/core/serde.ts'
import { type Pipeline, pipeline } from '../../src/dsl/pipeline.ts'
import type { InputShape } from './inputs.ts'
import { aggregates } from './topologies/aggregates.ts'
import { combined } from './topologies/combined.ts'
import type { ComparedTopology } from './topologies/parts.ts'
import { stateless } from './topologies/stateless.ts'
import { streams } from './topologies/streams.ts'
import { tables } from './topologies/tables.ts'
import { windows } from './topologies/windows.ts'

export type { ComparedTopology } from './topologies/parts.ts'

export const topologies: readonly ComparedTopology[] = [
  ...stateless,
  ...aggregates,
  ...windows,
  ...tables,
  ...streams,
  ...combined,
]

/** The pipeline of a topology, with its result in the topic `out`. */
export function pipelineOf(topology: ComparedTopology): Pipeline {
  const app = pipeline('compared')
  topology.build(app).to('out', { value: json() })
  return app
}

export function shapeOf({ shape }: ComparedTopology): InputShape {
  return {
    topics: ['a'],
    tables: [],
    lateMs: 30,
    references: false,
    nullKeys: true,
    nullValues: false,
    ticks: false,
    lastLeap: false,
    distinct: 'none',
    ...shape,
  }
}
