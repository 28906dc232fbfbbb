/**
 * Mistakes that the compiler shows, and that Node does not, which runs a configuration without its types: each is
 * refused where it is written, with what to write instead.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatError, isMillraceError } from '../core/errors.ts'
import { json } from '../core/serde.ts'
import { count } from '../operators/aggregator.ts'
import { assemble } from './assemble.ts'
import { pattern } from './pattern.ts'
import { pipeline } from './pipeline.ts'
import { remoteTable } from './remote-table.ts'
import { calendar, custom, everyRecords, hopping, session, sliding, tumbling, unlimited } from './window.ts'

/** What was written without types. */
// biome-ignore lint/suspicious/noExplicitAny: anything at all
const wrong = (value: unknown): any => value

const clicks = () => pipeline('a').stream('clicks', json<number>())

/** Every line of the error that a user sees. */
function said(mistake: () => unknown): string {
  try {
    mistake()
  } catch (error) {
    assert.ok(isMillraceError(error), String(error))
    assert.notEqual(error.code, 'MR_INVARIANT')
    assert.notEqual(error.hint, undefined, error.message)
    return formatError(error)
  }
  assert.fail('it was not refused')
}

describe('a misspelt word', () => {
  const mistakes: Readonly<Record<string, readonly [() => unknown, RegExp]>> = {
    emit: [() => tumbling('1m', { emit: wrong('closed') }), /emit is "closed".*mean "close"/s],
    'emit of sessions': [() => session('1m', { emit: wrong('updates') }), /mean "update"/],
    'emit of sliding windows': [() => sliding('1m', { emit: wrong({}) }), /emit is \[object Object\]/],
    'emit of count windows': [() => everyRecords(3, { emit: wrong('x') }), /Legal: close, update/],
    'emit of an unlimited window': [() => unlimited({ emit: wrong('Close') }), /mean "close"/],
    panes: [() => hopping('2m', { every: '1m', emit: { panes: wrong('discardin') } }), /mean "discarding"/],
    'a unit of the calendar': [() => calendar(wrong('days')), /mean "day"/],
    'a day of the week': [() => calendar('week', { weekStart: wrong('Sunday') }), /mean "sunday"/],
    onInvalid: [
      () => pipeline('a').stream('x', json(), { onInvalid: wrong('deadletter') }),
      /mean "dead-letter"/,
    ],
    order: [() => clicks().mapAsync((n) => n, { order: wrong('perKey') }), /mean "per-key"/],
    onFailure: [() => clicks().mapAsync((n) => n, { onFailure: wrong('parked') }), /mean "park"/],
    'a kind of event': [
      () => assemble({ clicks: clicks() }, { timeout: '1m', last: wrong('click') }),
      /mean "clicks"/,
    ],
    'a kind of a pair': [
      () => {
        const pairs = { open: { start: 'clicks', stop: wrong('gone') } } as const
        return assemble({ clicks: clicks() }, { timeout: '1m', pairs })
      },
      /"gone".*Legal: clicks/s,
    ],
    'the form of a description': [() => pipeline('a').describe(wrong('yaml')), /Legal: text, mermaid, json/],
  }
  for (const [name, [mistake, shown]] of Object.entries(mistakes))
    it(`is refused: ${name}`, () => assert.match(said(mistake), shown))
})

describe('a wrong duration', () => {
  const mistakes: Readonly<Record<string, readonly [() => unknown, RegExp]>> = {
    'of a window': [() => tumbling(wrong('5 minuts')), /size of a window.*"5 minuts".*mean "5 minutes"/s],
    'left out of hopping windows': [() => hopping('5m', wrong(undefined)), /`every` of a window/],
    'of a grace': [() => session('5m', { grace: wrong('1 secnd') }), /grace of a window.*mean "1 second"/s],
    'left out of a join': [
      () => {
        const app = pipeline('a')
        return app.stream('x', json()).join(app.stream('y', json()), () => 1, wrong(undefined))
      },
      /`within` of a join is not a duration: undefined/,
    ],
    'half of a join': [
      () => {
        const within = wrong({ before: '1m' })
        const app = pipeline('a')
        return app.stream('x', json()).join(app.stream('y', json()), () => 1, { within })
      },
      /`within` of a join is not a duration: undefined/,
    ],
    'left out of a step': [
      () => pattern('a', clicks()).followedBy('b', clicks(), wrong(undefined)),
      /of "b"/,
    ],
    'of deduplicate': [() => clicks().deduplicate(wrong({})), /`within` of "clicks-deduplicate"/],
    'of delay': [() => clicks().delay(wrong('soon')), /the delay is not a duration/],
    'of suppress': [
      () => clicks().groupByKey().aggregate(count()).suppress(wrong({})),
      /wait of "clicks-aggregate-suppressed"/,
    ],
    'of a join with a table without history': [
      () => {
        const app = pipeline('a')
        return app.stream('x', json()).join(app.table('t', json()), () => 1, { grace: '1s' })
      },
      /"x-t-join" cannot have a grace: its table has no history.*`history` of 1 s/s,
    ],
    'of a join that waits for longer than its table remembers': [
      () => {
        const app = pipeline('a')
        const table = app.table('t', json(), { history: '1m' }).filter(() => true)
        return app.stream('x', json()).leftJoin(table, () => 1, { grace: '2m' })
      },
      /its table remembers only 1 m\n.*`history` of 2 m or more/s,
    ],
    'of a lateness': [
      () => pipeline('a').stream('x', json(), { lateness: wrong('5') }),
      /the lateness of x is not a duration: "5"/,
    ],
    'of a retry': [
      () => clicks().mapAsync((n) => n, { retry: { attempts: 2, backoff: wrong('fast') } }),
      /retry.backoff of "clicks-map-async"/,
    ],
  }
  for (const [name, [mistake, shown]] of Object.entries(mistakes))
    it(`is named: ${name}`, () => assert.match(said(mistake), shown))
})

describe('the wrong thing', () => {
  const mistakes: Readonly<Record<string, readonly [() => unknown, RegExp]>> = {
    'no serde': [() => pipeline('a').stream('x', wrong(undefined)), /neither a serde nor a schema/],
    'json that was not called': [() => pipeline('a').stream('x', wrong(json)), /Write json<Order>\(\)/],
    'an object as a key': [() => clicks().selectKey(() => 1, { key: wrong({}) }), /neither a serde/],
    'an aggregator that was not called': [
      () =>
        clicks()
          .groupByKey()
          .aggregate(wrong({ n: count })),
      /"n" is no aggregator.*Call it: count/s,
    ],
    'no aggregator': [() => clicks().groupByKey().aggregate(wrong(undefined)), /is no aggregator/],
    'a text as a window': [() => clicks().groupByKey().window(wrong('1 minute')), /no window.*tumbling/s],
    'a window that was not called': [() => clicks().groupByKey().window(wrong(tumbling)), /no window/],
    'windows that are not called, of cogroups': [
      () =>
        clicks()
          .groupByKey()
          .cogroup(
            () => 0,
            (n) => n,
          )
          .window(wrong(session)),
      /no window/,
    ],
    'windows of no function': [() => custom(wrong([])), /custom\(\) takes a function/],
    'a trigger of no records': [() => tumbling('1m', { emit: { late: { records: 0 } } }), /from 1/],
    'a global table without `on`': [
      () => {
        const app = pipeline('a')
        return app.stream('x', json()).join(app.globalTable('y', json()), () => 1, wrong({}))
      },
      /"x-y-join" is not told the key.*on:/s,
    ],
    'a remote table without a function': [() => remoteTable(wrong({ name: 'x' })), /one way to be asked/],
    'a remote table with two': [
      () => remoteTable(wrong({ name: 'x', get: async () => 1, getAll: async () => [] })),
      /one way to be asked/,
    ],
    'a remote table without a name': [() => remoteTable(wrong({ get: async () => 1 })), /has a name/],
    'a topic that is read twice': [
      () => {
        const app = pipeline('a')
        app.stream('x', json())
        app.table('x', json())
      },
      /reads the topic "x" twice.*toTable/s,
    ],
  }
  for (const [name, [mistake, shown]] of Object.entries(mistakes))
    it(`is refused: ${name}`, () => assert.match(said(mistake), shown))
})

describe('parts of two pipelines', () => {
  const one = pipeline('one')
  const two = pipeline('two')
  const left = one.stream('left', json<number>())
  const mistakes: Readonly<Record<string, () => unknown>> = {
    streams: () => left.join(two.stream('a', json<number>()), () => 1, { within: 1 }),
    'merged streams': () => left.merge(two.stream('b', json<number>())),
    'a table': () => left.join(two.table('c', json<number>()), () => 1),
    'a global table': () =>
      left.join(two.globalTable('d', json<number>()), () => 1, { on: (n) => String(n) }),
    tables: () => one.table('e', json<number>()).join(two.table('e', json<number>()), () => 1),
  }
  for (const [name, mistake] of Object.entries(mistakes))
    it(`are not put together: ${name}`, () => assert.match(said(mistake), /two pipelines.*pipeline "one"/s))
})
