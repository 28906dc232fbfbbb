/** Meetings told by their events, in and out of order, whole and with holes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { testDriver } from 'millrace/testing'
import { type Attendance, meetings } from './pipeline.ts'

const START_MS = Date.UTC(2020, 10, 9, 9)
const minute = (n: number): number => START_MS + n * 60_000

type Told = readonly [topic: string, minute: number, userId?: string]

/** Runs the pipeline over events as they come; gives the attendance and the meetings that nobody came to. */
function run(told: readonly Told[], meetingId = 'm1') {
  const driver = testDriver(meetings(), { startMs: START_MS })
  driver.topic('users').append({ name: 'Ann', department: 'sales' }, { key: 'ann' })
  for (const [topic, at, userId] of told) {
    const who = userId === undefined ? { topic: 'Weekly' } : { userId }
    driver.topic(`zoom_${topic}`).append({ meetingId, atMs: minute(at), ...who }, { key: meetingId })
  }
  driver.end()
  return {
    attendance: driver
      .topic('attendance')
      .read<Attendance>()
      .map(({ value }) => value),
    empty: driver
      .topic('nobody-came')
      .read()
      .map(({ value }) => value),
    late: driver.topic('meetings-late').read(),
  }
}

describe('a meeting', () => {
  it('gives one record per person, however often they came', () => {
    const { attendance, empty, late } = run([
      ['meeting_started', 0],
      ['participant_joined', 1, 'ann'],
      ['participant_joined', 2, 'bob'],
      ['participant_left', 10, 'ann'],
      ['participant_joined', 15, 'ann'],
      ['sharing_started', 16, 'ann'],
      ['sharing_ended', 20, 'ann'],
      ['participant_left', 20, 'ann'],
      ['participant_joined', 25, 'ann'],
      ['participant_left', 28, 'ann'],
      ['meeting_ended', 30],
    ])
    assert.deepEqual(attendance, [
      {
        meetingId: 'm1',
        userId: 'ann',
        topic: 'Weekly',
        visits: 3,
        firstJoinedMs: minute(1),
        lastLeftMs: minute(28),
        presentMinutes: 9 + 5 + 3,
        sharedMinutes: 4,
        lost: [],
        name: 'Ann',
        department: 'sales',
      },
      {
        meetingId: 'm1',
        userId: 'bob',
        topic: 'Weekly',
        visits: 1,
        firstJoinedMs: minute(2),
        lastLeftMs: minute(30),
        presentMinutes: 28,
        sharedMinutes: 0,
        lost: [],
        name: 'bob',
        department: null,
      },
    ])
    assert.deepEqual(empty, [])
    assert.deepEqual(late, [])
  })

  it('gives the same when its events come in another order within the lateness', () => {
    const told: readonly Told[] = [
      ['meeting_started', 0],
      ['participant_joined', 0.2, 'ann'],
      ['participant_left', 5, 'ann'],
      ['participant_joined', 5.3, 'ann'],
      ['meeting_ended', 5.6],
    ]
    const other = [told[1]!, told[0]!, told[3]!, told[4]!, told[2]!]
    assert.deepEqual(run(other).attendance, run(told).attendance)
    assert.equal(run(told).attendance[0]?.visits, 2)
  })

  it('says what must have been lost', () => {
    const { attendance } = run([
      ['meeting_started', 0],
      ['participant_left', 10, 'ann'],
      ['participant_joined', 12, 'bob'],
    ])
    assert.deepEqual(
      attendance.map(({ userId, lost, presentMinutes }) => [userId, lost, presentMinutes]),
      [
        ['ann', ['ended', 'joined'], 0],
        ['bob', ['ended', 'left'], 0],
      ],
    )
  })

  it('that nobody joins is reported after ten minutes', () => {
    const { empty, attendance } = run([
      ['meeting_started', 0],
      ['participant_joined', 11, 'ann'],
      ['meeting_ended', 20],
    ])
    assert.deepEqual(empty, [{ meetingId: 'm1', topic: 'Weekly' }])
    assert.equal(attendance.length, 1)
  })
})
