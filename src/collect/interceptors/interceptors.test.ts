import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SourceEvent } from '../../connector/index.ts'
import { isMillraceError } from '../../core/errors.ts'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { type Interceptor, type InterceptorFunction, intercept, openInterceptors } from '../interceptor.ts'
import { parseDatePattern } from './date-pattern.ts'
import {
  host,
  regexExtractor,
  regexFilter,
  removeHeader,
  searchAndReplace,
  staticHeader,
  timestamp,
  uuid,
} from './index.ts'

const simulation = simulatedPlatform({ seed: 1 })
const context = {
  ...simulation,
  clock: simulation.clock,
  random: simulation.random,
  host: { name: 'h', address: '192.0.2.7' },
}

function through(interceptor: Interceptor | InterceptorFunction, event: Partial<SourceEvent>): SourceEvent[] {
  const events: SourceEvent[] = []
  intercept(openInterceptors([interceptor], context), { headers: {}, body: '', ...event }, events)
  return events
}

const headersOf = (interceptor: Interceptor, headers: Record<string, string>): object => {
  return { ...through(interceptor, { headers })[0]!.headers }
}

test('timestamp: the time of the agent, over an existing one unless told otherwise', () => {
  const now = String(simulation.clock.nowMs())
  assert.deepEqual(headersOf(timestamp(), {}), { timestamp: now })
  assert.deepEqual(headersOf(timestamp({ headerName: 't' }), { t: '5' }), { t: now })
  assert.deepEqual(headersOf(timestamp({ preserveExisting: true }), { timestamp: '5' }), { timestamp: '5' })
})

test('host: address or name', () => {
  assert.deepEqual(headersOf(host(), {}), { host: '192.0.2.7' })
  assert.deepEqual(headersOf(host({ useIP: false, hostHeader: 'from' }), {}), { from: 'h' })
  assert.deepEqual(headersOf(host({ preserveExisting: true }), { host: 'x' }), { host: 'x' })
})

test('static: keeps an existing header unless told otherwise', () => {
  assert.deepEqual(headersOf(staticHeader({ key: 'k', value: 'v' }), {}), { k: 'v' })
  assert.deepEqual(headersOf(staticHeader({ key: 'k', value: 'v' }), { k: 'x' }), { k: 'x' })
  assert.deepEqual(headersOf(staticHeader({ key: 'k', value: 'v', preserveExisting: false }), { k: 'x' }), {
    k: 'v',
  })
  const [event] = through(staticHeader({ key: '__proto__', value: 'v' }), {})
  assert.deepEqual(Object.entries(event!.headers), [['__proto__', 'v']])
})

test('remove_header: by name, by list and by pattern of the whole name', () => {
  const headers = { a: '1', ab: '2', b: '3' }
  assert.deepEqual(headersOf(removeHeader({ withName: 'a' }), headers), { ab: '2', b: '3' })
  assert.deepEqual(headersOf(removeHeader({ fromList: ['a', 'b'] }), headers), { ab: '2' })
  assert.deepEqual(headersOf(removeHeader({ matching: /a./ }), headers), { a: '1', b: '3' })
  assert.throws(
    () => removeHeader({}),
    (error) => isMillraceError(error, 'MR_OPTION_INVALID'),
  )
})

test('uuid: one for each event, with a prefix, not over an existing one', () => {
  const id = (headers: Record<string, string> = {}): string => {
    return through(uuid({ prefix: 'x-' }), { headers })[0]!.headers['id']!
  }
  assert.match(id(), /^x-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.notEqual(id(), id())
  assert.equal(id({ id: 'mine' }), 'mine')
})

test('search_replace: all matches in texts, bytes and JSON, the same each time', () => {
  const replace = searchAndReplace({ searchPattern: /(\d)\d/g, replaceString: '<$1>' })
  const [interceptor] = openInterceptors([replace], context)
  for (let again = 0; again < 2; again++) {
    assert.equal((interceptor!.run({ headers: {}, body: '12 a 34' }) as SourceEvent).body, '<1> a <3>')
  }
  assert.equal(through(replace, { body: Buffer.from('é 56') })[0]?.body, 'é <5>')
  assert.equal(through(replace, { body: { n: 78 } })[0]?.body, '{"n":<7>}')
})

test('regex_filter: keeps what matches, or drops it, the same each time', () => {
  const keep = regexFilter({ regex: /^a/g })
  const [interceptor] = openInterceptors([keep], context)
  for (let again = 0; again < 3; again++)
    assert.ok(interceptor!.run({ headers: {}, body: 'ab' }) !== undefined)
  assert.equal(through(keep, { body: 'ba' }).length, 0)
  assert.equal(through(regexFilter({ regex: /^a/, excludeEvents: true }), { body: 'ab' }).length, 0)
  assert.equal(through(regexFilter({ regex: /^a/, excludeEvents: true }), { body: 'ba' }).length, 1)
})

test('regex_extractor: groups become headers, dates become milliseconds', () => {
  const extract = regexExtractor({
    regex: /^(\d{4}-\d\d-\d\d \d\d:\d\d) (\w+)(?: (\w+))?/,
    serializers: [
      { name: 'time', type: 'millis', pattern: 'yyyy-MM-dd HH:mm' },
      { name: 'level' },
      { name: 'more' },
    ],
  })
  const [found] = through(extract, { body: '2013-01-02 03:04 WARN' })
  assert.deepEqual({ ...found!.headers }, { time: String(Date.UTC(2013, 0, 2, 3, 4)), level: 'WARN' })
  assert.deepEqual({ ...through(extract, { body: 'nothing' })[0]!.headers }, {})
  assert.throws(
    () => through(extract, { body: '2013-02-30 03:04 WARN' }),
    (error) => isMillraceError(error, 'MR_RECORD_INVALID'),
  )
  assert.throws(
    () => regexExtractor({ regex: /x/, serializers: [{ name: 'a', type: 'millis' }] }),
    (error) => isMillraceError(error, 'MR_OPTION_INVALID'),
  )
})

test('dates are read by patterns of digits, with quoted text', () => {
  assert.equal(
    parseDatePattern("yyyy-MM-dd'T'HH:mm:ss.SSS")('2013-01-02T03:04:05.678'),
    Date.UTC(2013, 0, 2, 3, 4, 5, 678),
  )
  assert.equal(parseDatePattern('d/M/y')('7/12/13'), new Date(0).setUTCFullYear(13, 11, 7))
  assert.equal(parseDatePattern("HH 'o''clock'")("05 o'clock"), 5 * 3_600_000)
  for (const text of ['24', '5', '', '05x', 'x05']) {
    assert.throws(
      () => parseDatePattern('HH')(text),
      (error) => isMillraceError(error, 'MR_RECORD_INVALID'),
    )
  }
  assert.throws(
    () => parseDatePattern('EEE'),
    (error) => isMillraceError(error, 'MR_OPTION_INVALID'),
  )
})
