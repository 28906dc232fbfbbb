import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../../core/errors.ts'
import { decodeVersioned, encodeVersioned, versionOf } from '../codec/message.ts'
import { consumerProtocolAssignment, consumerProtocolSubscription } from './consumer-protocol.ts'
import { controlRecordType, endTxnMarker, leaderChangeMessage } from './control-records.ts'

describe('the consumer protocol', () => {
  it('has the bytes that every classic client sends', () => {
    const bytes = encodeVersioned(consumerProtocolSubscription, 1, {
      topics: ['a', 'bc'],
      ownedPartitions: [{ topic: 'a', partitions: [0, 7] }],
    })
    const expected =
      '0001' + // version
      '00000002' +
      '000161' +
      '00026263' + // topics
      'ffffffff' + // no user data
      '00000001' +
      '000161' +
      '00000002' +
      '00000000' +
      '00000007' // owned
    assert.equal(bytes.toString('hex'), expected)
  })

  it('of a newer version is read as the highest one known', () => {
    const known = encodeVersioned(consumerProtocolSubscription, 3, {
      topics: ['a'],
      generationId: 5,
      rackId: 'r',
    })
    const newer = Buffer.concat([Buffer.from([0, 9]), known.subarray(2), Buffer.from('more')])
    const read = decodeVersioned(consumerProtocolSubscription, newer, { newer: 'as-highest' })
    assert.deepEqual(read, {
      topics: ['a'],
      userData: null,
      ownedPartitions: [],
      generationId: 5,
      rackId: 'r',
    })
    assert.throws(
      () => decodeVersioned(consumerProtocolSubscription, newer),
      (error) => isMillraceError(error, 'MR_PROTOCOL_VERSION_UNSUPPORTED'),
    )
    const negative = Buffer.concat([Buffer.from([0xff, 0xff]), known.subarray(2)])
    assert.throws(
      () => decodeVersioned(consumerProtocolSubscription, negative, { newer: 'as-highest' }),
      (error) => isMillraceError(error, 'MR_PROTOCOL_VERSION_UNSUPPORTED'),
    )
  })

  it('keeps user data of an assignor as bytes', () => {
    const userData = Buffer.from([1, 2, 3])
    const bytes = encodeVersioned(consumerProtocolAssignment, 0, { assignedPartitions: [], userData })
    assert.equal(bytes.toString('hex'), `0000${'00000000'}${'00000003'}010203`)
    assert.deepEqual(decodeVersioned(consumerProtocolAssignment, bytes).userData, userData)
  })
})

describe('control records', () => {
  it('have the bytes of a commit marker', () => {
    const key = encodeVersioned(controlRecordType, 0, { type: 1 })
    assert.equal(key.toString('hex'), '00000001')
    assert.equal(versionOf(key), 0)
    assert.equal(encodeVersioned(endTxnMarker, 0, { coordinatorEpoch: 5 }).toString('hex'), '000000000005')
  })

  it('carry directory ids of voters from version 1 on only', () => {
    const voterDirectoryId = Buffer.alloc(16, 3)
    const voters = [{ voterId: 1, voterDirectoryId }]
    const message = { version: 1, leaderId: 1, voters, grantingVoters: [] }
    const read = decodeVersioned(leaderChangeMessage, encodeVersioned(leaderChangeMessage, 1, message))
    assert.deepEqual(read, message)
    assert.throws(
      () => encodeVersioned(leaderChangeMessage, 0, message),
      (error) =>
        isMillraceError(error, 'MR_PROTOCOL_FIELD_UNSUPPORTED') && error.where === 'voters.voterDirectoryId',
    )
  })
})
