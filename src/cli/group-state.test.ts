import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { ErrorCodes, kafkaError } from '../protocol/error-codes.ts'
import { changeGroup, lagOf } from './group-state.ts'

const changed = (code: number): Promise<void> =>
  changeGroup('late', async () => {
    throw kafkaError(code, 'commit')
  })

test('what a broker refuses because somebody joined since is an active group, other refusals stay', async () => {
  for (const code of [
    ErrorCodes.NON_EMPTY_GROUP,
    ErrorCodes.UNKNOWN_MEMBER_ID,
    ErrorCodes.STALE_MEMBER_EPOCH,
    ErrorCodes.REBALANCE_IN_PROGRESS,
  ]) {
    await assert.rejects(changed(code), (error) => isMillraceError(error, 'MR_GROUP_ACTIVE'))
  }
  const gone = changed(ErrorCodes.GROUP_ID_NOT_FOUND)
  await assert.rejects(gone, (error) => isMillraceError(error, 'MR_GROUP_UNKNOWN'))
  const forbidden = changed(ErrorCodes.GROUP_AUTHORIZATION_FAILED)
  await assert.rejects(forbidden, (error) => isMillraceError(error, 'MR_KAFKA'))
})

test('a lag is known where position and end are, and never less than nothing', () => {
  assert.equal(lagOf({ committed: 3, end: 10 }), 7)
  assert.equal(lagOf({ committed: 12, end: 10 }), 0)
  assert.equal(lagOf({ committed: null, end: 10 }), null)
  assert.equal(lagOf({ committed: 3, end: null }), null)
})
