import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress, parseAddress } from './address.ts'

test('addresses are read and written', () => {
  for (const text of ['localhost:9092', '127.0.0.1:1', '[::1]:65535', 'kafka-1.example.org:19092']) {
    assert.equal(formatAddress(parseAddress(text)), text)
  }
  assert.deepEqual(parseAddress(' [fe80::1]:9092 '), { host: 'fe80::1', port: 9092 })
})

test('what is not an address is refused with an example', () => {
  for (const text of [
    '',
    'localhost',
    'localhost:',
    ':9092',
    'localhost:0',
    'localhost:65536',
    'a b:1',
    '::1:9092',
  ]) {
    assert.throws(() => parseAddress(text), { code: 'MR_OPTION_INVALID' }, text)
  }
})
