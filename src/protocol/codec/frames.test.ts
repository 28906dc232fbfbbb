import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ByteReader } from '../../core/byte-reader.ts'
import { isMillraceError } from '../../core/errors.ts'
import { apiVersions } from '../apis/api-versions.ts'
import { fetch } from '../apis/fetch.ts'
import { findCoordinator } from '../apis/find-coordinator.ts'
import { metadata } from '../apis/metadata.ts'
import { offsetDelete } from '../apis/offset-delete.ts'
import { produce } from '../apis/produce.ts'
import { decodeRequest, encodeRequest, encodeRequestChunks } from './request.ts'
import { decodeRequestHeader } from './request-header.ts'
import {
  completeResponse,
  decodeResponse,
  decodeResponseHeader,
  encodeResponse,
  encodeResponseChunks,
} from './response.ts'

const hex = (...parts: string[]) => parts.join('')

describe('request frames', () => {
  it('of ApiVersions v3 have the bytes of the protocol guide: flexible, but the client id with two bytes of length', () => {
    const frame = encodeRequest(
      apiVersions,
      3,
      { correlationId: 7, clientId: 'mr' },
      { clientSoftwareName: 'millrace', clientSoftwareVersion: '1' },
    )
    const expected = hex(
      '00000019', // 25 bytes follow
      '0012', // key 18
      '0003', // version 3
      '00000007', // correlation id
      '00026d72', // client id "mr"
      '00', // no tagged fields in the header
      '096d696c6c72616365', // "millrace" with length + 1
      '0231', // "1"
      '00', // no tagged fields in the body
    )
    assert.equal(frame.toString('hex'), expected)
  })

  it('of Metadata v1 ask for all topics with a null array, and have no tagged fields', () => {
    const frame = encodeRequest(metadata, 1, { correlationId: 1, clientId: null }, { topics: null })
    assert.equal(frame.toString('hex'), hex('0000000e', '0003', '0001', '00000001', 'ffff', 'ffffffff'))
  })

  it('of Produce v3 and v9 have the bytes of the protocol guide', () => {
    const records = Buffer.from('cafe', 'hex')
    const body = {
      acks: -1,
      timeoutMs: 5,
      topicData: [{ name: 't', partitionData: [{ index: 2, records }] }],
    }
    assert.equal(
      encodeRequest(
        produce,
        3,
        { correlationId: 1, clientId: '' },
        { transactionalId: 'x', ...body },
      ).toString('hex'),
      hex(
        ...['00000028', '0000', '0003', '00000001', '0000'],
        ...['000178', 'ffff', '00000005'], // transactional id, acks, timeout
        ...['00000001', '000174', '00000001', '00000002', '00000002cafe'], // one topic, one partition, 2 bytes
      ),
    )
    assert.equal(
      encodeRequest(produce, 9, { correlationId: 1, clientId: '' }, body).toString('hex'),
      hex(
        ...['00000020', '0000', '0009', '00000001', '0000', '00'],
        ...['00', 'ffff', '00000005'],
        ...['02', '0274', '02', '00000002', '03cafe', '00', '00', '00'],
      ),
    )
  })

  it('are read back by header and body, also with tagged fields that nobody knows', () => {
    const frame = Buffer.from(
      hex(
        ...['0012', '0003', '00000007', '00026d72'],
        ...['01', '05', '03', 'aabbcc'], // header: tag 5 with three bytes
        ...['026d', '0231'],
        ...['02', '00', '01', 'ff', '8001', '00'], // body: tag 0 with one byte, tag 128 with none
      ),
      'hex',
    )
    const reader = new ByteReader(frame)
    const { api, version, correlationId, clientId } = decodeRequestHeader(reader)
    assert.equal(api, apiVersions)
    assert.deepEqual([version, correlationId, clientId], [3, 7, 'mr'])
    assert.deepEqual(decodeRequest(apiVersions, version, reader), {
      clientSoftwareName: 'm',
      clientSoftwareVersion: '1',
    })
    assert.equal(reader.remaining, 0)
  })

  it('of an unknown version still give their header, those of an unknown API do not', () => {
    const newer = Buffer.from(hex('0012', '0063', '00000007', '00026d72', '00'), 'hex')
    const header = decodeRequestHeader(new ByteReader(newer))
    assert.deepEqual([header.api.key, header.version, header.correlationId], [18, 99, 7])
    assert.throws(
      () => decodeRequest(header.api, header.version, new ByteReader(newer)),
      (error) => isMillraceError(error, 'MR_PROTOCOL_VERSION_UNSUPPORTED'),
    )
    const unknown = Buffer.from(hex('7fff', '0000', '00000007', 'ffff'), 'hex')
    assert.throws(
      () => decodeRequestHeader(new ByteReader(unknown)),
      (error) => isMillraceError(error, 'MR_PROTOCOL_REQUEST_INVALID') && /key 32767/.test(error.message),
    )
  })

  it('leave bytes after the body to the caller', () => {
    const frame = encodeRequest(
      offsetDelete,
      0,
      { correlationId: 1, clientId: null },
      { groupId: 'g', topics: [] },
    )
    const reader = new ByteReader(Buffer.concat([frame, Buffer.from([1, 2, 3])]), 4)
    decodeRequestHeader(reader)
    decodeRequest(offsetDelete, 0, reader)
    assert.equal(reader.remaining, 3)
  })
})

describe('response frames', () => {
  it('have a tagged section in the header when they are flexible, but never those of ApiVersions', () => {
    const answer = { errorCode: 0, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] }
    assert.equal(
      encodeResponse(apiVersions, 3, 5, answer).toString('hex'),
      hex('00000013', '00000005', '0000', '02', '0012', '0000', '0004', '00', '00000000', '00'),
    )
    assert.equal(
      encodeResponse(findCoordinator, 3, 5, {
        errorCode: 15,
        errorMessage: null,
        nodeId: -1,
        host: '',
        port: -1,
      }).toString('hex'),
      hex('00000016', '00000005', '00', '00000000', '000f', '00', 'ffffffff', '01', 'ffffffff', '00'),
    )
    assert.equal(
      encodeResponse(findCoordinator, 2, 5, {
        errorCode: 15,
        errorMessage: null,
        nodeId: -1,
        host: '',
        port: -1,
      }).toString('hex'),
      hex('00000016', '00000005', '00000000', '000f', 'ffff', 'ffffffff', '0000', 'ffffffff'),
    )
  })

  it('write a tagged struct with its tag and size, and leave it out at its default', () => {
    const partition = {
      partitionIndex: 0,
      errorCode: 74,
      highWatermark: 1n,
      abortedTransactions: null,
      records: null,
    }
    const leader = { leaderId: 2, leaderEpoch: 9 }
    const body = (more: object) => ({ responses: [{ topic: 't', partitions: [{ ...partition, ...more }] }] })
    const plain = encodeResponse(fetch, 12, 1, body({}))
    assert.deepEqual(
      encodeResponse(fetch, 12, 1, body({ currentLeader: { leaderId: -1, leaderEpoch: -1 } })),
      plain,
    )
    const tagged = encodeResponse(fetch, 12, 1, body({ currentLeader: leader }))
    // Tag 1, 9 bytes: two int32 and an empty tagged section of the struct itself.
    const section = hex('01', '01', '09', '00000002', '00000009', '00')
    assert.ok(tagged.toString('hex').includes(section))
    assert.equal(tagged.length, plain.length + section.length / 2 - 1)
  })
})

describe('record bytes', () => {
  const records = Buffer.alloc(64 * 1024, 0xab)
  const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 5n, abortedTransactions: null }
  const answer = { responses: [{ topic: 'big', partitions: [{ ...partition, records }] }] }

  it('are not copied into chunks', () => {
    const chunks = encodeResponseChunks(fetch, 12, 1, answer)
    assert.equal(chunks.length, 3)
    assert.equal(chunks[1]!.buffer, records.buffer)
    assert.deepEqual(Buffer.concat(chunks), encodeResponse(fetch, 12, 1, answer))
    const request = {
      acks: 1,
      timeoutMs: 1,
      topicData: [{ name: 't', partitionData: [{ index: 0, records }] }],
    }
    const sent = encodeRequestChunks(produce, 9, { correlationId: 1, clientId: 'c' }, request)
    assert.ok(sent.some((chunk) => chunk.buffer === records.buffer))
  })

  it('may be any Uint8Array, also part of a larger one', () => {
    const large = new Uint8Array(10_000).fill(5)
    const part = large.subarray(100, 9000)
    const body = { responses: [{ topic: 'big', partitions: [{ ...partition, records: part }] }] }
    const chunks = encodeResponseChunks(fetch, 12, 1, body)
    assert.deepEqual(Buffer.concat(chunks), encodeResponse(fetch, 12, 1, body))
    assert.equal(chunks[1]!.length, part.length)
  })

  it('are a view of the frame when they are decoded, and handed over when nothing is encoded', () => {
    const frame = encodeResponse(fetch, 12, 1, answer)
    const reader = new ByteReader(frame, 4)
    decodeResponseHeader(fetch, 12, reader)
    assert.equal(decodeResponse(fetch, 12, reader).responses[0]!.partitions[0]!.records!.buffer, frame.buffer)
    assert.equal(completeResponse(fetch, 12, answer).responses[0]!.partitions[0]!.records, records)
  })

  it('of one frame do not show up in the next', () => {
    const first = encodeResponseChunks(fetch, 12, 1, answer)
    const copy = Buffer.concat(first)
    encodeResponse(fetch, 12, 2, { responses: [] })
    assert.deepEqual(Buffer.concat(first), copy)
    const broken = {
      responses: [{ topic: 'big', partitions: [{ ...partition, records, errorCode: 99_999 }] }],
    }
    assert.throws(() => encodeResponse(fetch, 12, 1, broken))
    assert.equal(encodeResponse(fetch, 12, 2, { responses: [] }).length, 21)
  })
})
