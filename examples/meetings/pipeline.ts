/**
 * Attendance at video meetings, from the streams that tell parts of it: one for each kind of event, as Zoom's webhooks
 * send them. Who joins, leaves and joins again has an event for each time; what is wanted is one record per person
 * and meeting, as soon as the meeting is over, also when some of its events were lost.
 */
import { assemble, json, pattern, pipeline } from 'millrace'

interface Event {
  readonly meetingId: string
  readonly atMs: number
}
interface MeetingEvent extends Event {
  readonly topic: string
}
interface ParticipantEvent extends Event {
  readonly userId: string
}
interface User {
  readonly name: string
  readonly department: string
}

/** One person at one meeting. */
export interface Attendance {
  readonly meetingId: string
  readonly userId: string
  readonly name: string
  readonly department: string | null
  readonly topic: string | null
  readonly visits: number
  readonly firstJoinedMs: number | null
  readonly lastLeftMs: number | null
  /** While it was known that the person was there. */
  readonly presentMinutes: number
  /** While the person showed their screen. */
  readonly sharedMinutes: number
  /** Events that must have been lost. */
  readonly lost: readonly string[]
}

/** The whole minutes of those intervals of a person whose both ends are known. */
function minutesOf(
  intervals: readonly { readonly startMs: number | null; readonly stopMs: number | null }[],
): number {
  let ms = 0
  for (const { startMs, stopMs } of intervals) if (startMs !== null && stopMs !== null) ms += stopMs - startMs
  return Math.round(ms / 60_000)
}

export function meetings() {
  const app = pipeline('meetings')
  const events = <E extends Event>(topic: string) =>
    app
      .stream(`zoom_${topic}`, json<E>(), { eventTime: (e) => e.atMs, lateness: '30 seconds' })
      .selectKey((e) => e.meetingId, { name: topic })
  const started = events<MeetingEvent>('meeting_started')
  const joined = events<ParticipantEvent>('participant_joined')
  const shares = events<ParticipantEvent>('sharing_started')
  const unshares = events<ParticipantEvent>('sharing_ended')
  const left = events<ParticipantEvent>('participant_left')
  const ended = events<MeetingEvent>('meeting_ended')
  const users = app.globalTable('users', json<User>())
  const by = (event: Event) => (event as ParticipantEvent).userId

  const whole = assemble(
    { started, joined, shares, unshares, left, ended },
    {
      name: 'whole-meeting',
      last: 'ended',
      timeout: '4 hours',
      grace: '1 minute',
      needs: ['started', 'ended'],
      pairs: {
        visits: { start: 'joined', stop: 'left', by },
        shares: { start: 'shares', stop: 'unshares', by },
      },
    },
  )

  whole
    .flatMap(
      ({ events: parts, intervals, missing, endMs }, meetingId) => {
        const meeting = parts.started[0]?.value ?? parts.ended[0]?.value
        // The end of a meeting is the end of every visit, though nobody says so for each.
        const meetingEndMs = missing.includes('ended') ? null : endMs
        const byUser = Map.groupBy(intervals.visits, (visit) => visit.id ?? '')
        return [...byUser].map(([userId, visits]) => {
          const known = visits.map((visit, at) => {
            const atEnd = visit.stopMs === null && at === visits.length - 1
            return atEnd ? { ...visit, stopMs: meetingEndMs } : visit
          })
          const shared = intervals.shares.filter((share) => share.id === userId)
          const lost: string[] = [...missing]
          if (known.some(({ startMs }) => startMs === null)) lost.push('joined')
          if (known.some(({ stopMs }) => stopMs === null)) lost.push('left')
          const value = {
            meetingId,
            userId,
            topic: meeting?.topic ?? null,
            visits: visits.length,
            firstJoinedMs: known[0]?.startMs ?? null,
            lastLeftMs: known.at(-1)?.stopMs ?? null,
            presentMinutes: minutesOf(known),
            sharedMinutes: minutesOf(shared),
            lost,
          }
          return { key: `${meetingId}|${userId}`, value }
        })
      },
      { name: 'one-per-person' },
    )
    .leftJoin(
      users,
      (one, user): Attendance => ({
        ...one,
        name: user?.name ?? one.userId,
        department: user?.department ?? null,
      }),
      { name: 'with-user', on: (one) => one.userId },
    )
    .to('attendance')

  pattern('meeting', started)
    .notFollowedBy('anybody', joined, { within: '10 minutes' })
    .toStream({ name: 'empty-meetings' })
    .mapValues(({ meeting }) => ({ meetingId: meeting.meetingId, topic: meeting.topic }))
    .to('nobody-came')
  return app
}
