import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '../core/errors.ts'
import { ErrorCodes, errorKindOf, isKafkaError, kafkaCodeOf, kafkaError } from './error-codes.ts'

describe("Kafka's error codes", () => {
  it('run from -1 to 133 without a gap, each with a name and a text of its own', () => {
    const codes = Object.values(ErrorCodes).sort((a, b) => a - b)
    assert.deepEqual(
      codes,
      Array.from({ length: 135 }, (_, i) => i - 1),
    )
    assert.equal(new Set(codes.map((code) => errorKindOf(code).message)).size, 135)
  })

  it('have the numbers that clients rely on', () => {
    const known: readonly (readonly [name: keyof typeof ErrorCodes, code: number, retriable: boolean])[] = [
      ['NONE', 0, false],
      ['OFFSET_OUT_OF_RANGE', 1, false],
      ['UNKNOWN_TOPIC_OR_PARTITION', 3, true],
      ['NOT_COORDINATOR', 16, true],
      ['REBALANCE_IN_PROGRESS', 27, false],
      ['UNSUPPORTED_VERSION', 35, false],
      ['OUT_OF_ORDER_SEQUENCE_NUMBER', 45, false],
      ['CONCURRENT_TRANSACTIONS', 51, true],
      ['MEMBER_ID_REQUIRED', 79, false],
      ['PRODUCER_FENCED', 90, false],
      ['UNKNOWN_TOPIC_ID', 100, true],
      ['FENCED_MEMBER_EPOCH', 110, false],
      ['TRANSACTION_ABORTABLE', 120, false],
    ]
    for (const [name, code, retriable] of known) {
      assert.equal(ErrorCodes[name], code)
      assert.deepEqual([errorKindOf(code).name, errorKindOf(code).retriable], [name, retriable])
    }
  })

  it('become errors with the code in the context, and are found again at the edge', () => {
    const error = kafkaError(ErrorCodes.NOT_COORDINATOR, 'group "billing"')
    assert.equal(error.code, 'MR_KAFKA')
    assert.equal(error.retriable, true)
    assert.equal(error.where, 'group "billing"')
    assert.match(error.message, /does not coordinate .* \(NOT_COORDINATOR\)$/)
    assert.equal(kafkaCodeOf(error), 16)
    assert.ok(isKafkaError(error, 'NOT_COORDINATOR'))
    assert.ok(!isKafkaError(error, 'COORDINATOR_NOT_AVAILABLE'))
    assert.match(kafkaError(ErrorCodes.INVALID_CONFIG, undefined, 'no such key').message, /^no such key/)
  })

  it('that are not known count as UNKNOWN_SERVER_ERROR, as do errors of other kinds', () => {
    const error = kafkaError(999)
    assert.equal(error.retriable, false)
    assert.match(error.message, /error code 999/)
    assert.equal(error.context['kafkaCode'], 999)
    assert.equal(kafkaCodeOf(new MillraceError('MR_DISK_FULL', 'full')), -1)
    assert.equal(kafkaCodeOf('anything'), -1)
  })
})
