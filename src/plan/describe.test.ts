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

describe('a small plan', () => {
  const app = pipeline('small--one-')
  app
    .stream('clicks', json<{ page: string }>())
    .groupBy((click) => click.page)
    .window(tumbling('1 minute'))
    .aggregate({ n: count() })
    .to('per-page')

  it('is plain data', () => {
    const described = app.describe('json')
    assert.deepEqual(JSON.parse(JSON.stringify(described)), described)
    assert.deepEqual(described.subTopologies, [
      {
        index: 0,
        sources: [{ name: 'clicks', topic: 'clicks', internal: false }],
        operators: [{ name: 'select-key-1', kind: 'select-key', inputs: ['clicks'], stores: [] }],
        sinks: [
          {
            name: 'clicks-aggregate-repartition',
            topic: 'small--one--clicks-aggregate-repartition',
            internal: true,
            inputs: ['select-key-1'],
          },
        ],
        stores: [],
      },
      {
        index: 1,
        sources: [
          {
            name: 'clicks-aggregate-repartition',
            topic: 'small--one--clicks-aggregate-repartition',
            internal: true,
          },
        ],
        operators: [
          {
            name: 'clicks-aggregate',
            kind: 'tumbling-aggregate',
            inputs: ['clicks-aggregate-repartition'],
            stores: ['clicks-aggregate'],
          },
        ],
        sinks: [{ name: 'to-per-page', topic: 'per-page', internal: false, inputs: ['clicks-aggregate'] }],
        stores: [
          {
            name: 'clicks-aggregate',
            kind: 'window',
            changelogTopic: 'small--one--clicks-aggregate-changelog',
            operator: 'clicks-aggregate',
          },
        ],
      },
    ])
  })

  it('is a flowchart, in which the parts are joined by their topic', () => {
    assert.equal(
      app.describe('mermaid'),
      `flowchart LR
  t0[("clicks")]
  t1[("small--one--clicks-aggregate-repartition")]
  t2[("per-page")]
  subgraph s0["sub-topology 0"]
    s0n0["select-key-1<br/><i>select-key</i>"]
  end
  subgraph s1["sub-topology 1"]
    s1n0["clicks-aggregate<br/><i>tumbling-aggregate</i><br/>keeps clicks-aggregate"]
  end
  t0 --> s0n0
  s0n0 --> t1
  t1 --> s1n0
  s1n0 --> t2
`,
    )
  })

  it('quotes what Mermaid would read as its own', () => {
    const odd = pipeline('odd')
    odd
      .stream('a', json<number>())
      .filter(() => true, { name: 'x "y" <z> & w' })
      .to('b')
    assert.match(odd.describe('mermaid'), /\["x #quot;y#quot; &lt;z> &amp; w<br/)
  })
})

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

describe('the time of an internal topic', () => {
  it('may be behind its records by the lateness of all that its task reads, and what is held back', () => {
    const app = pipeline('lags')
    const left = app.stream('left', json<string>(), { lateness: '2 seconds' })
    const right = app.stream('right', json<string>(), { lateness: '7 seconds' })
    const late = left.outerJoin(right, () => 'x', { name: 'pairs', within: '3 seconds', grace: '1 second' })
    left
      .groupBy((v) => v)
      .aggregate({ n: count() }, { name: 'by-left' })
      .to('a')
    late
      .groupBy((v) => v)
      .aggregate({ n: count() }, { name: 'by-pair' })
      .toStream()
      .groupBy((row) => String(row.n))
      .aggregate({ n: count() }, { name: 'by-count' })
      .to('b')
    const lags = app
      .plan()
      .subTopologies.flatMap(({ sources }) => sources.map(({ node, lagMs }) => [node.name, lagMs]))
    assert.deepEqual(Object.fromEntries(lags), {
      left: 2000,
      right: 7000,
      'by-left-repartition': 7000,
      'by-pair-repartition': 7000 + 4000,
      // An aggregate does not promise that its results are behind stream time.
      'by-count-repartition': Number.POSITIVE_INFINITY,
    })
  })
})
