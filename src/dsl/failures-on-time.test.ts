/**
 * Functions of the user that fail when time moves: no record is to blame, the pipeline goes on, and what the result
 * would have been made of lies among the dead letters.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { headerText } from '../core/record.ts'
import { json } from '../core/serde.ts'
import { aggregator } from '../operators/aggregator.ts'
import type { InvalidPolicy } from '../plan/graph.ts'
import { type TestDriver, testDriver } from '../testing/test-driver.ts'
import { assemble } from './assemble.ts'
import { type Pipeline, pipeline } from './pipeline.ts'
import { keyValueState, output } from './processor.ts'
import { tumbling } from './window.ts'

function deadLetters(driver: TestDriver): unknown[] {
  const read = driver.topic('a-dead-letters').read<string, string>()
  return read.map(({ key, value, headers }) => [
    JSON.parse(key),
    JSON.parse(value),
    ...['mr-operator', '__streams.errors.exception', 'mr-stage'].map((name) => headerText(headers, name)),
  ])
}

const values = (driver: TestDriver, topic: string): unknown[] =>
  driver
    .topic(topic)
    .read()
    .map(({ value }) => value)

function joining(onInvalid?: InvalidPolicy): Pipeline {
  const app = pipeline('a')
  const rule = onInvalid === undefined ? {} : { onInvalid }
  const left = app.stream('left', json<string>(), rule)
  const right = app.stream('right', json<{ size: number }>())
  left
    .leftJoin(right, (text, found) => `${text} ${found!.size}`, { within: '1 second', name: 'both' })
    .to('out')
  return app
}

describe('a function that fails when time moves', () => {
  it('is the joiner, for a record without a partner', () => {
    const driver = testDriver(joining())
    driver.topic('left').append('alone', { key: 'k', timestampMs: 0 })
    driver.topic('left').append('met', { key: 'm', timestampMs: 5_000 })
    driver.topic('right').append({ size: 2 }, { key: 'm', timestampMs: 5_000 })
    driver.end()
    assert.deepEqual(values(driver, 'out'), ['met 2'])
    assert.deepEqual(deadLetters(driver), [['k', 'alone', 'both', 'TypeError', 'process']])
  })

  it('stops the pipeline where a source says so, and is named', () => {
    const driver = testDriver(joining('fail'))
    driver.topic('left').append('alone', { key: 'k', timestampMs: 0 })
    assert.throws(
      () => driver.end(),
      (error) => isMillraceError(error, 'MR_FUNCTION_FAILED') && error.where === 'operator "both"',
    )
  })

  it('is what pairs the events of an assembly', () => {
    const app = pipeline('a')
    const begun = app.stream('begun', json<{ by?: { id: string } }>())
    const ended = app.stream('ended', json<{ by?: { id: string } }>())
    const pairs = {
      run: { start: 'begun', stop: 'ended', by: (event: { by?: { id: string } }) => event.by!.id },
    } as const
    assemble({ begun, ended }, { name: 'runs', timeout: '1 minute', last: 'ended', pairs })
      .mapValues(({ intervals }) => intervals.run.length)
      .to('out')
    const driver = testDriver(app)
    driver.topic('begun').append({}, { key: 'k', timestampMs: 1 })
    driver.topic('ended').append({}, { key: 'k', timestampMs: 2 })
    driver.topic('begun').append({ by: { id: 'x' } }, { key: 'k', timestampMs: 3 })
    driver.end()
    assert.deepEqual(values(driver, 'out'), [1])
    const events = { begun: [{ atMs: 1, value: {} }], ended: [{ atMs: 2, value: {} }] }
    assert.deepEqual(deadLetters(driver), [['k', events, 'runs', 'TypeError', 'process']])
  })

  it('is a timer of a processor, or its end of stream; what it has done stays done', () => {
    const app = pipeline('a')
    const { out } = app.stream('in', json<number>()).process(
      {
        stores: { seen: keyValueState<number>() },
        outputs: { out: output<string>() },
        timers: true,
        create: ({ stores, timers, forward }) => ({
          process({ key, value, timestampMs }) {
            stores.seen.put(key, value)
            timers.set(timestampMs + 10)
            timers.set(timestampMs + 20, { name: 'wall', clock: 'wall' })
          },
          onTimer({ key, name }) {
            forward('out', `${key} ${name} ${stores.seen.get(key)}`)
            if (stores.seen.get(key) === 13) throw new RangeError('unlucky')
          },
          endOfStream() {
            throw new Error('no end')
          },
        }),
      },
      { name: 'proc' },
    )
    out.to('out')
    const driver = testDriver(app)
    driver.topic('in').append(13, { key: 'a', timestampMs: 0 })
    driver.topic('in').append(7, { key: 'b', timestampMs: 0 })
    driver.advance('1 second')
    driver.end()
    assert.deepEqual(values(driver, 'out').sort(), ['a  13', 'a wall 13', 'b  7', 'b wall 7'])
    const timer = (name: string, clock: string, dueMs: number) => ({ timer: name, clock, dueMs })
    assert.deepEqual(
      new Set(deadLetters(driver).map((row) => JSON.stringify(row))),
      new Set(
        [
          ['a', timer('wall', 'wall', 20), 'proc', 'RangeError', 'process'],
          ['a', timer('', 'stream', 10), 'proc', 'RangeError', 'process'],
          [null, 'end of stream', 'proc', 'Error', 'process'],
        ].map((row) => JSON.stringify(row)),
      ),
    )
  })

  it('is named also where it stops the pipeline: the result of an aggregator', () => {
    const app = pipeline('a')
    const result = (): number => {
      throw new RangeError('no result')
    }
    const broken = aggregator<number, number, number>({ init: () => 0, add: (sum) => sum, result })
    app
      .stream('in', json<number>())
      .groupByKey()
      .window(tumbling('1 second'))
      .aggregate(broken, { name: 'sums' })
      .to('out')
    const driver = testDriver(app)
    driver.topic('in').append(1, { key: 'k', timestampMs: 0 })
    assert.throws(
      () => driver.end(),
      (error) =>
        isMillraceError(error, 'MR_FUNCTION_FAILED') &&
        error.where === 'operator "sums"' &&
        error.message === 'no result',
    )
  })
})
