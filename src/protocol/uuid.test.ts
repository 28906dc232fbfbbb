import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isMillraceError } from '../core/errors.ts'
import { formatUuid, isZeroUuid, parseUuid, zeroUuid } from './uuid.ts'

describe('uuids', () => {
  it('are shown as Kafka shows them, and read back', () => {
    assert.equal(formatUuid(zeroUuid), 'AAAAAAAAAAAAAAAAAAAAAA')
    assert.equal(formatUuid(Buffer.from('01020304050607081112131415161718', 'hex')), 'AQIDBAUGBwgREhMUFRYXGA')
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (id) => {
        assert.deepEqual(parseUuid(formatUuid(id)), Buffer.from(id))
        assert.equal(isZeroUuid(id), formatUuid(id) === 'AAAAAAAAAAAAAAAAAAAAAA')
      }),
    )
  })

  it('have one text only', () => {
    for (const text of [
      '',
      'AAAA',
      'AAAAAAAAAAAAAAAAAAAAAB',
      'AAAAAAAAAAAAAAAAAAAAA=',
      '+AAAAAAAAAAAAAAAAAAAAA',
      'x'.repeat(23),
    ]) {
      assert.throws(
        () => parseUuid(text),
        (error) => isMillraceError(error, 'MR_BYTES_INVALID'),
        text,
      )
    }
  })
})
