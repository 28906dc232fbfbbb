/** When committed offsets, and groups without any, are forgotten. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heartbeat } from '../../protocol/apis/heartbeat.ts'
import { leaveGroup } from '../../protocol/apis/leave-group.ts'
import { listGroups } from '../../protocol/apis/list-groups.ts'
import { claimOf, commit, committed, joined, open } from './group-fixture.ts'

const HOUR_MS = 3_600_000

test('offsets expire a retention after their group became empty', async () => {
  const config = { 'offsets.retention.minutes': 60, 'offsets.retention.check.interval.ms': 60_000 }
  const broker = await open(config)
  const member = await joined(broker)
  await commit(broker, 5n, claimOf(member))
  await broker.advance(HOUR_MS / 3)
  for (let i = 0; i < 6; i++) {
    await broker.send(heartbeat, { groupId: 'g', generationId: member.generation, memberId: member.memberId })
    await broker.advance(HOUR_MS / 3)
  }
  assert.equal(await committed(broker), 5n, 'in use')
  await broker.send(leaveGroup, { groupId: 'g', members: [{ memberId: member.memberId }] })
  await broker.advance(HOUR_MS - 120_000)
  assert.equal(await committed(broker), 5n)
  await broker.advance(240_000)
  assert.equal(await committed(broker), -1n)
  assert.deepEqual((await broker.send(listGroups, {})).groups, [])
  await broker.restart()
  assert.equal(await committed(broker), -1n, 'for good')
  await broker.close()
})

test('offsets of a consumer that is no member expire a retention after their commit, or when it said', async () => {
  const config = { 'offsets.retention.minutes': 60, 'offsets.retention.check.interval.ms': 60_000 }
  const broker = await open(config)
  await commit(broker, 5n, { group: 'plain' })
  await commit(broker, 6n, { group: 'long', retentionMs: BigInt(3 * HOUR_MS) })
  await broker.advance(HOUR_MS + 120_000)
  assert.equal(await committed(broker, { group: 'plain' }), -1n)
  await broker.restart()
  assert.equal(await committed(broker, { group: 'long' }), 6n)
  await broker.advance(2 * HOUR_MS)
  assert.equal(await committed(broker, { group: 'long' }), -1n)
  await broker.close()
})

test('a group with members keeps offsets of the topics it reads; others expire', async () => {
  const config = { 'offsets.retention.minutes': 60, 'offsets.retention.check.interval.ms': 60_000 }
  const broker = await open(config)
  const member = await joined(broker)
  await commit(broker, 5n, claimOf(member))
  await commit(broker, 6n, { ...claimOf(member), topic: 'u' })
  for (let i = 0; i < 5; i++) {
    await broker.send(heartbeat, { groupId: 'g', generationId: member.generation, memberId: member.memberId })
    await broker.advance(HOUR_MS / 3)
  }
  assert.equal(await committed(broker), 5n)
  assert.equal(await committed(broker, { topic: 'u' }), -1n)
  await broker.close()
})
