/** A pipeline with every operator that keeps something or moves records, all under their default names. */
import { json } from '../core/serde.ts'
import { type Pipeline, pipeline } from '../dsl/pipeline.ts'
import { keyValueState, output } from '../dsl/processor.ts'
import { remoteTable } from '../dsl/remote-table.ts'
import type { Stream } from '../dsl/stream.ts'
import { calendar, everyRecords, session, sliding, tumbling, unlimited, type Window } from '../dsl/window.ts'
import { count, sum } from '../operators/aggregator.ts'

export interface Event {
  readonly user: string
  readonly cents: number
}

export type Edit = (events: Stream<string, Event>) => Stream<string, Event>

/** `edit` is put behind every source of events, as a user would who adds operators. */
export function everyOperator(edit: Edit = (events) => events): Pipeline {
  const app = pipeline('all')
  const source = (topic: string): Stream<string, Event> => edit(app.stream(topic, json<Event>()))
  const users = app.table('users', json<{ city: string }>())

  const windows: Record<string, Window> = {
    tumbled: tumbling('1 minute'),
    slid: sliding('10 seconds'),
    sessions: session('5 minutes'),
    counted: everyRecords(10),
    days: calendar('day', { zone: 'Europe/Lisbon' }),
    unlimited: unlimited(),
    triggered: tumbling('1 hour', { emit: { early: { every: '1 minute' } } }),
  }
  for (const [topic, window] of Object.entries(windows)) {
    source(topic)
      .groupBy((event) => event.user)
      .window(window)
      .aggregate({ n: count() })
      .to(`${topic}-out`)
  }
  source('totals')
    .groupByKey()
    .aggregate({ cents: sum((event) => event.cents) })
    .suppress({ wait: '1 minute' })
    .to('totals-out')
  source('reduced')
    .groupBy((event) => event.user)
    .reduce((held) => held)
    .to('reduced-out')
  source('tabled')
    .selectKey((event) => event.user)
    .toTable()
    .to('tabled-out')
  source('moved').repartition({ partitions: 3 }).to('moved-out')
  source('unique')
    .selectKey((event) => event.user)
    .deduplicate({ within: '1 hour' })
    .to('unique-out')
  source('waiting').delay('1 minute').to('waiting-out')
  source('asked')
    .mapAsync((event) => event)
    .to('asked-out')
  source('asked-per-key')
    .selectKey((event) => event.user)
    .mapAsync((event) => event, { order: 'per-key', onFailure: 'park' })
    .to('asked-per-key-out')
  source('asked-unordered')
    .mapAsync((event) => event, { order: 'none' })
    .to('asked-unordered-out')
  const accounts = remoteTable<number>({ name: 'accounts', get: async () => 0 })
  source('remote')
    .selectKey((event) => event.user)
    .join(accounts, (event, cents) => event.cents + cents)
    .to('remote-out')
  source('joined')
    .selectKey((event) => event.user)
    .join(users, (event, user) => ({ ...event, ...user }))
    .to('joined-out')
  source('grouped-a')
    .groupByKey()
    .cogroup(
      () => 0,
      (total, event) => total + event.cents,
    )
    .and(
      source('grouped-b').groupBy((event) => event.user),
      (total, event) => total - event.cents,
    )
    .aggregate()
    .to('cogrouped-out')
  source('processed')
    .process({
      stores: { seen: keyValueState<number>() },
      timers: true,
      outputs: { even: output<number>(), odd: output<number>() },
      create: (context) => ({ process: ({ value }) => context.forward('even', value.cents) }),
    })
    .even.to('processed-out')
  users
    .groupBy((user) => user.city)
    .aggregate({ users: count() })
    .to('cities-out')
  return app
}
