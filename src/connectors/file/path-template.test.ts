import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { conformanceRecord } from '../../connector/conformance/sink.ts'
import { isMillraceError } from '../../core/errors.ts'
import { textHeader } from '../../core/record.ts'
import { hostileNames } from './hostile-names.ts'
import { encodeName, PathTemplate } from './path-template.ts'

const record = {
  ...conformanceRecord(0),
  topic: 'departed',
  partition: 3,
  timestampMs: Date.UTC(2013, 0, 2, 3, 4, 5, 6),
  headers: [textHeader('city', 'Paris'), textHeader('city', 'New York'), textHeader('topic', 'other')],
}

test('escapes stand for topic, partition, headers and parts of the time in UTC', () => {
  const path = (template: string): string => new PathTemplate(template).pathOf(record)
  assert.equal(path('%{topic}/%Y-%m-%d/%H.jsonl'), 'departed/2013-01-02/03.jsonl')
  assert.equal(path('%{partition}-%M%S'), '3-0405')
  assert.equal(path('%t'), String(record.timestampMs))
  assert.equal(path('%{city}'), 'New%20York')
  assert.equal(path('%{none}/x'), '%_/x')
  assert.equal(path('100%%'), '100%')
  assert.equal(path('a b/ü'), 'a b/ü')
})

test('the path follows every change of topic, partition, hour and header', () => {
  const template = new PathTemplate('%{topic}/%{partition}/%H')
  assert.equal(template.pathOf(record), 'departed/3/03')
  assert.equal(template.pathOf({ ...record, topic: 'arrived' }), 'arrived/3/03')
  assert.equal(template.pathOf({ ...record, partition: 4 }), 'departed/4/03')
  assert.equal(template.pathOf({ ...record, timestampMs: record.timestampMs + 3_600_000 }), 'departed/3/04')
  assert.equal(template.pathOf(record), 'departed/3/03')
  const byHeader = new PathTemplate('%{city}')
  assert.equal(byHeader.pathOf(record), 'New%20York')
  assert.equal(byHeader.pathOf({ ...record, headers: [] }), '%_')
  const years = new PathTemplate('%Y-%m')
  assert.equal(years.pathOf({ ...record, timestampMs: Date.UTC(2013, 0, 31, 23) }), '2013-01')
  assert.equal(years.pathOf({ ...record, timestampMs: Date.UTC(2013, 1, 1) }), '2013-02')
  assert.equal(years.pathOf({ ...record, timestampMs: -1 }), '1969-12')
})

test('a template that leads elsewhere, or is none, is refused', () => {
  const templates = [
    '',
    '/a',
    'a/',
    'a//b',
    '..',
    'a/../b',
    '.',
    './a',
    '.hidden',
    'a/.b',
    'a\\b',
    'a\0',
    '%Q',
    'a%',
    '%{}',
  ]
  for (const template of [...templates, '%{a', '%{a}/..', '%Y/../x']) {
    assert.throws(
      () => new PathTemplate(template),
      (error) => isMillraceError(error, 'MR_OPTION_INVALID'),
      JSON.stringify(template),
    )
  }
})

test('a record that can have no path is refused alone', () => {
  const refused = (template: string, changes: object): void => {
    assert.throws(
      () => new PathTemplate(template).pathOf({ ...record, ...changes }),
      (error) => isMillraceError(error, 'MR_RECORD_INVALID'),
    )
  }
  refused('%Y', { timestampMs: 8.64e15 + 1 })
  refused('%Y', { timestampMs: Number.NaN })
  const headers = ['a', 'b', 'c'].map((key) => textHeader(key, key.repeat(200)))
  refused('%{a}%{b}%{c}', { headers })
})

function isName(name: string): boolean {
  return /^[A-Za-z0-9_%-][A-Za-z0-9_.%~-]*$/.test(name) && Buffer.byteLength(name) <= 200
}

test('whatever a record holds becomes one plain name', () => {
  assert.ok(hostileNames.length >= 200 - 40)
  for (const name of hostileNames) {
    const encoded = encodeName(typeof name === 'string' ? Buffer.from(name) : name)
    assert.ok(isName(encoded), `${JSON.stringify(name)} gives ${encoded}`)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.ok(isName(encodeName(bytes)))
    }),
  )
})

test('different values give different names', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), fc.uint8Array({ maxLength: 6 }), (a, b) => {
      assert.equal(encodeName(a) === encodeName(b), Buffer.from(a).equals(Buffer.from(b)))
    }),
  )
  const long = 'x'.repeat(400)
  assert.notEqual(encodeName(Buffer.from(`${long}a`)), encodeName(Buffer.from(`${long}b`)))
})
