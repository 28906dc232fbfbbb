import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { tumbling } from '../dsl/window.ts'
import { count } from '../operators/aggregator.ts'
import { describePlan } from './describe.ts'
import { internalTopics } from './plan.ts'

interface Flight {
  readonly plane: string
  readonly carrier: string
}

function flights(withFilter: boolean) {
  const app = pipeline('flights')
  const planes = app.table('planes', json<{ seats: number }>())
  let departed = app.stream('departed', json<Flight>())
  if (withFilter) departed = departed.filter((f) => f.carrier !== '')
  departed
    .selectKey((f) => f.plane)
    .join(planes, (f, p) => ({ ...f, seats: p.seats }))
    .to('enriched')
  departed
    .groupBy((f) => f.carrier)
    .window(tumbling('1 hour', { grace: '5 minutes' }))
    .aggregate({ n: count() })
    .to('per-carrier')
  return app
}

describe('a plan', () => {
  it('is cut at its internal topics and says what each part reads, keeps and writes', () => {
    assert.equal(
      describePlan(flights(true).plan()),
      `pipeline flights
  sub-topology 0
    source planes (topic planes)
    source departed-planes-join-repartition (topic flights-departed-planes-join-repartition, internal)
    table planes-table [planes-table: key-value] <- planes
    stream-table-join departed-planes-join [planes-table: key-value] <- departed-planes-join-repartition
    sink to-enriched (topic enriched) <- departed-planes-join
  sub-topology 1
    source departed (topic departed)
    filter filter-1 <- departed
    select-key select-key-1 <- filter-1
    select-key select-key-2 <- filter-1
    repartition departed-planes-join-repartition (topic flights-departed-planes-join-repartition) <- select-key-1
    repartition departed-aggregate-repartition (topic flights-departed-aggregate-repartition) <- select-key-2
  sub-topology 2
    source departed-aggregate-repartition (topic flights-departed-aggregate-repartition, internal)
    tumbling-aggregate departed-aggregate [departed-aggregate: window] <- departed-aggregate-repartition
    sink to-per-carrier (topic per-carrier) <- departed-aggregate
`,
    )
  })

  it('keeps the names of state and topics when an operator is added', () => {
    assert.deepEqual(internalTopics(flights(true).plan()), internalTopics(flights(false).plan()))
  })
})
