import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ErrorCode } from '../../core/error-register.ts'
import { isMillraceError } from '../../core/errors.ts'
import { fetch } from '../apis/fetch.ts'
import { joinGroup } from '../apis/join-group.ts'
import { metadata } from '../apis/metadata.ts'
import { decodeMessage, encodeMessage } from '../codec/message.ts'
import { completeRequest, encodeRequest } from '../codec/request.ts'
import {
  array,
  bool,
  bytes,
  float64,
  int8,
  int16,
  int32,
  int64,
  records,
  string,
  struct,
  uint16,
  uint32,
  uuid,
} from './fields.ts'
import { defineMessage, type InputOf, type RequestInput, type RequestOf, type ValueOf } from './message.ts'
import { planOf } from './plan.ts'

const everyKind = defineMessage({
  name: 'EveryKind',
  versions: [0, 2],
  flexibleFrom: 1,
  fields: {
    bool: bool(),
    int8: int8(),
    int16: int16(),
    uint16: uint16(),
    int32: int32(),
    uint32: uint32(),
    int64: int64(),
    float64: float64(),
    string: string(),
    bytes: bytes(),
    records: records({ nullable: true }),
    uuid: uuid(),
    array: array(array(int8())),
    struct: struct({ inner: string() }),
    late: string({ since: 1 }),
    laterStill: string({ since: 2, nullable: true, default: null, ignorable: true }),
    tagged: int32({ since: 1, tag: 3, default: 7 }),
  },
})

const value: InputOf<typeof everyKind> = {
  bool: true,
  int8: -1,
  int16: -2,
  uint16: 65_535,
  int32: -3,
  uint32: 4_294_967_295,
  int64: -4n,
  float64: 0.5,
  string: 'é',
  bytes: Buffer.from([1]),
  records: null,
  uuid: Buffer.alloc(16, 1),
  array: [[1, 2], []],
  struct: { inner: 'in' },
}

function refused(given: object, code: ErrorCode, where: string, version = 1): void {
  const both = [
    encodeMessage,
    (...[message, v, input]: Parameters<typeof encodeMessage>) => planOf(message, v).complete(input),
  ]
  for (const way of both) {
    assert.throws(
      () => way(everyKind, version, given as never),
      (error) => isMillraceError(error, code) && error.where === where,
      `${where} ${JSON.stringify(given, (_, part) => (typeof part === 'bigint' ? `${part}n` : part))}`,
    )
  }
}

describe('encoding by a table', () => {
  it('writes every kind of field, in the old and in the flexible form', () => {
    const fixed = '01ff' + 'fffe' + 'ffff' + 'fffffffd' + 'ffffffff' + 'fffffffffffffffc' + '3fe0000000000000'
    const id = '01'.repeat(16)
    assert.equal(
      encodeMessage(everyKind, 0, value).toString('hex'),
      `${fixed}0002c3a9` +
        `0000000101` +
        'ffffffff' +
        id +
        '00000002' +
        '000000020102' +
        '00000000' +
        '0002696e',
    )
    assert.equal(
      encodeMessage(everyKind, 1, { ...value, late: 'x', tagged: 8 }).toString('hex'),
      `${fixed}03c3a9` +
        '0201' +
        '00' +
        id +
        '03' +
        '030102' +
        '01' +
        '03696e' +
        '00' +
        '0278' +
        '01' +
        '03' +
        '04' +
        '00000008',
    )
  })

  it('gives left-out fields their default, on both ways', () => {
    const given = { ...value, late: undefined }
    const decoded = decodeMessage(everyKind, 1, encodeMessage(everyKind, 1, given))
    assert.equal(decoded.late, '')
    assert.equal(decoded.laterStill, null)
    assert.equal(decoded.tagged, 7)
    assert.equal(decoded.records, null)
    assert.deepEqual(planOf(everyKind, 1).complete(given), decoded)
  })

  it('drops an ignorable field that the version lacks, and refuses any other unless it is at its default', () => {
    assert.equal(
      decodeMessage(everyKind, 1, encodeMessage(everyKind, 1, { ...value, laterStill: 'x' })).laterStill,
      null,
    )
    assert.equal(
      encodeMessage(everyKind, 0, { ...value, late: '' }).length,
      encodeMessage(everyKind, 0, value).length,
    )
    refused({ ...value, late: 'x' }, 'MR_PROTOCOL_FIELD_UNSUPPORTED', 'late', 0)
    refused({ ...value, tagged: 8 }, 'MR_PROTOCOL_FIELD_UNSUPPORTED', 'tagged', 0)
  })

  it('refuses a set field deep inside by its path', () => {
    const partition = { partition: 0, fetchOffset: 0n, partitionMaxBytes: 1, lastFetchedEpoch: 3 }
    const body = { maxWaitMs: 1, minBytes: 1, topics: [{ topic: 't', partitions: [partition] }] }
    for (const way of [
      () => encodeRequest(fetch, 11, { correlationId: 1, clientId: null }, body),
      () => completeRequest(fetch, 11, body),
    ]) {
      assert.throws(
        way,
        (error) =>
          isMillraceError(error, 'MR_PROTOCOL_FIELD_UNSUPPORTED') &&
          error.where === 'topics.partitions.lastFetchedEpoch',
      )
    }
  })

  it('refuses numbers that a field cannot hold', () => {
    const wrong: readonly (readonly [name: string, values: readonly unknown[]])[] = [
      ['bool', [1, 'true', null]],
      ['int8', [128, -129, 0.5, Number.NaN, '1', 1n, null]],
      ['int16', [32_768, -32_769]],
      ['uint16', [-1, 65_536]],
      ['int32', [2 ** 31, -(2 ** 31) - 1, Number.POSITIVE_INFINITY]],
      ['uint32', [-1, 2 ** 32]],
      ['int64', [1, 2n ** 63n, -(2n ** 63n) - 1n, null]],
      ['float64', ['0', null, 1n]],
      ['string', [null, 5, 'x'.repeat(32_768), 'é'.repeat(16_384)]],
      ['bytes', [null, 'x', [1]]],
      ['records', ['x', {}]],
      ['uuid', [null, Buffer.alloc(15), 'x']],
      ['array', [null, {}, 'x', [null], [[128]]]],
      ['struct', [null, 5, []]],
      ['late', [null]],
    ]
    for (const [name, values] of wrong) {
      for (const one of values) refused({ ...value, [name]: one }, 'MR_PROTOCOL_VALUE_INVALID', name)
    }
    refused({ ...value, struct: { inner: 5 } }, 'MR_PROTOCOL_VALUE_INVALID', 'struct.inner')
  })

  it('refuses to leave out a field whose default of null is not allowed in the version', () => {
    const body = { errorCode: 0, generationId: 1, protocolName: null, leader: '', memberId: '', members: [] }
    assert.equal(
      decodeMessage(joinGroup.response, 7, encodeMessage(joinGroup.response, 7, body)).protocolName,
      null,
    )
    for (const way of [
      () => encodeMessage(joinGroup.response, 5, body),
      () => planOf(joinGroup.response, 5).complete(body),
    ]) {
      assert.throws(
        way,
        (error) => isMillraceError(error, 'MR_PROTOCOL_VALUE_INVALID') && error.where === 'protocolName',
      )
    }
  })

  it('does not put values of strings and bytes into errors', () => {
    assert.throws(
      () => encodeMessage(everyKind, 1, { ...value, bool: 'secret' as never }),
      (error) => isMillraceError(error) && !error.message.includes('secret'),
    )
  })

  it('refuses versions that the table does not have', () => {
    for (const version of [-1, 3, 0.5, Number.NaN]) {
      assert.throws(
        () => encodeMessage(everyKind, version, value),
        (error) => isMillraceError(error, 'MR_PROTOCOL_VERSION_UNSUPPORTED'),
      )
    }
  })
})

describe('decoding by a table', () => {
  const flexible = encodeMessage(everyKind, 1, value)

  it('takes known tags in any order, the last of a repeated one, and skips the others', () => {
    const bare = flexible.subarray(0, -1)
    const tags = Buffer.from(['04', '0901ff', '030400000005', '030400000006', '0a00'].join(''), 'hex')
    assert.equal(decodeMessage(everyKind, 1, Buffer.concat([bare, tags])).tagged, 6)
  })

  it('refuses a tagged field that does not take the size announced for it', () => {
    for (const section of ['01' + '0305' + '0000000500', '01' + '0303' + '00000005']) {
      assert.throws(
        () =>
          decodeMessage(everyKind, 1, Buffer.concat([flexible.subarray(0, -1), Buffer.from(section, 'hex')])),
        (error) => isMillraceError(error, 'MR_BYTES_INVALID') && error.where === 'tagged',
      )
    }
  })

  it('refuses null where none is allowed, and lengths below that', () => {
    const nulls = Buffer.from('ffffffff', 'hex')
    assert.throws(
      () => decodeMessage(metadata.request, 0, nulls),
      (error) => isMillraceError(error, 'MR_BYTES_INVALID') && error.message === '"topics" is null',
    )
    assert.equal(decodeMessage(metadata.request, 1, nulls).topics, null)
    assert.throws(
      () => decodeMessage(metadata.request, 1, Buffer.from('fffffffe', 'hex')),
      (error) =>
        isMillraceError(error, 'MR_BYTES_INVALID') && error.message === '"topics" has a length of -2',
    )
  })

  it('gives ids that do not hold on to the frame, and values that are not shared with the table', () => {
    const frame = Buffer.alloc(flexible.length)
    flexible.copy(frame)
    const decoded = decodeMessage(everyKind, 1, frame)
    assert.ok(decoded.uuid.buffer !== frame.buffer)
    assert.ok(decoded.bytes.buffer === frame.buffer)
    assert.ok(
      Object.isFrozen(
        decodeMessage(fetch.response, 4, encodeMessage(fetch.response, 4, { responses: [] })).responses,
      ),
    )
  })

  it('makes objects without a trace of a polluted prototype', () => {
    const decoded = decodeMessage(everyKind, 2, encodeMessage(everyKind, 2, value))
    assert.deepEqual(Object.keys(decoded), Object.keys(everyKind.fields))
  })
})

describe('tables', () => {
  const define = (
    fields: Parameters<typeof defineMessage>[0]['fields'],
    flexibleFrom: number | 'never' = 0,
  ) => defineMessage({ name: 'Wrong', versions: [0, 1], flexibleFrom, fields })

  it('that could not be encoded are refused when they are defined', () => {
    const wrong = [
      () => define({ a: int8({ tag: 0 }) }, 1),
      () => define({ a: int8({ tag: 0 }) }, 'never'),
      () => define({ a: int8({ tag: 0 }), b: int8({ tag: 0 }) }),
      () => define({ a: int8({ since: 2, until: 1 }) }),
      () => define({ a: string({ default: null }) }),
      () => define({ a: array(int8({ since: 1 })) }),
    ]
    for (const one of wrong) assert.throws(one, (error) => isMillraceError(error, 'MR_INVARIANT'))
  })

  it('give the types of what is read and written', () => {
    const read = {} as RequestOf<typeof fetch>
    const written: RequestInput<typeof fetch> = { maxWaitMs: 1, minBytes: 1, topics: [] }
    const accepted: RequestInput<typeof fetch> = read
    const name: string | null | undefined = ({} as Partial<RequestOf<typeof metadata>>).topics?.[0]?.name
    const late: ValueOf<typeof everyKind>['laterStill'] = null
    assert.ok([accepted, written, name, late].length === 4)
    // @ts-expect-error topics has no default
    const missing: RequestInput<typeof fetch> = { maxWaitMs: 1, minBytes: 1 }
    // @ts-expect-error a field that the table does not have
    const unknown: RequestInput<typeof fetch> = { maxWaitMs: 1, minBytes: 1, topics: [], maxWait: 1 }
    // @ts-expect-error an int64 is a bigint
    const narrow: InputOf<typeof everyKind> = { ...value, int64: 1 }
    // @ts-expect-error a string that is not nullable
    const none: InputOf<typeof everyKind> = { ...value, string: null }
    // @ts-expect-error decoded values are not written to
    const written2 = () => (read.maxWaitMs = 5)
    assert.ok([missing, unknown, narrow, none, written2].length === 5)
  })
})
