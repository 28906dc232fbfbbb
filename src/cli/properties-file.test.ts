import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseProperties } from './properties-file.ts'

const parsed = (text: string) => Object.fromEntries(parseProperties(text))

test('names and values are told apart by =, : or a blank, with blanks around', () => {
  assert.deepEqual(parsed('a=1\nb : 2\n  c   3\nd\ne=\nf==x\n'), {
    a: '1',
    b: '2',
    c: '3',
    d: '',
    e: '',
    f: '=x',
  })
})

test('comments and empty lines say nothing, and the last value of a name holds', () => {
  assert.deepEqual(parsed('# a=1\n! b=2\n\n \t\na=1\r\na=2 '), { a: '2 ' })
})

test('a line that ends in a backslash goes on without the blanks of the next', () => {
  assert.deepEqual(parsed('a=one, \\\n   two, \\\n   three\nb=c:\\\\\nd=#no comment\\'), {
    a: 'one, two, three',
    b: 'c:\\',
    d: '#no comment',
  })
})

test('a backslash takes the meaning of what it stands before, or makes a letter', () => {
  assert.deepEqual(parsed('a\\=b\\ c=\\u0041\\tx\\q\nd=C\\:\\\\e'), { 'a=b c': 'A\txq', d: 'C:\\e' })
})

test('what a login needs comes out whole', () => {
  const jaas =
    'org.apache.kafka.common.security.plain.PlainLoginModule required \\\n username="a" \\\n password="b=c;\\\\"d";'
  assert.equal(
    parsed(`sasl.jaas.config=${jaas}`)['sasl.jaas.config'],
    'org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b=c;\\"d";',
  )
})
