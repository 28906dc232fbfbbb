/** Several streams of a pipeline that are written to one topic. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json } from '../core/serde.ts'
import { count } from '../operators/aggregator.ts'
import { testDriver } from '../testing/test-driver.ts'
import { pipeline } from './pipeline.ts'

interface Reading {
  readonly celsius: number
}

describe('one topic of several streams', () => {
  const app = pipeline('alerts')
  const readings = app.stream('readings', json<Reading>())
  const { hot, cold } = readings.branch({ hot: (r) => r.celsius > 40, cold: (r) => r.celsius < 0 })
  hot.mapValues(({ celsius }) => `hot ${celsius}`).to('alerts')
  cold.mapValues(({ celsius }) => `cold ${celsius}`).to('alerts')
  readings
    .groupBy((_, key) => `all of ${key}`)
    .aggregate(count(), { name: 'seen' })
    .toStream()
    .filter((seen) => seen % 3 === 0)
    .to('alerts')

  it('gets the records in the order in which they were made, within a task', () => {
    const driver = testDriver(app, {
      // All of them are there before the pipeline begins, so that one batch has what both branches give.
      before: (laid) => {
        for (const [at, celsius] of [50, -5, 20, 60, -7, -8].entries())
          laid.topic('readings').append({ celsius }, { key: 'r', timestampMs: at })
      },
    })
    const rows = driver.topic('alerts').read<unknown, string>()
    const own = rows.filter(({ key }) => key === 'r').map(({ value }) => value)
    assert.deepEqual(own, ['hot 50', 'cold -5', 'hot 60', 'cold -7', 'cold -8'])
    assert.deepEqual(
      rows.filter(({ key }) => key !== 'r').map(({ value }) => value),
      [3, 6],
    )
  })

  it('is one topic in every description, however many write it', () => {
    const sinks = app
      .describe('json')
      .subTopologies.flatMap((part) => part.sinks)
      .filter(({ internal }) => !internal)
    assert.deepEqual(
      sinks.map(({ name, topic }) => [name, topic]),
      [
        ['to-alerts', 'alerts'],
        ['to-alerts-2', 'alerts'],
        ['to-alerts-3', 'alerts'],
      ],
    )
    assert.equal(app.describe('mermaid').match(/\[\("alerts"\)\]/g)?.length, 1)
  })
})
