/** The pipelines of engine.ts, as a configuration, because worker threads load them from a file. */
import { count, int64Serde, json, type Pipeline, pipeline, sum, tumbling } from '../../src/index.ts'

interface Event {
  readonly event_type: number
  readonly bid?: { readonly auction: number; readonly price: number; readonly dateTime: number }
}
type BidEvent = Event & Required<Pick<Event, 'bid'>>

const PASSES_MAX = 100

/** `q0-…` or `count-…` over the topic `events`; its last operator is called `results`. */
export function enginePipeline(name: string): Pipeline {
  const app = pipeline(name)
  const events = app.stream('events', json<Event>(), { lateness: '4 seconds' })
  if (name.startsWith('q0')) {
    const bids = events.filter((event) => event.event_type === 2)
    bids.mapValues((event) => (event as BidEvent).bid, { name: 'results' }).to(`${name}-results`)
    return app
  }
  events
    .filter((event) => event.event_type === 2 && (event as BidEvent).bid.price >= 10_000)
    .mapValues((event) => (event as BidEvent).bid)
    .groupBy((bid) => bid.auction, { key: int64Serde })
    .window(tumbling('10 seconds'))
    .aggregate({ n: count(), total: sum((bid) => bid.price) }, { name: 'results' })
    .to(`${name}-results`)
  return app
}

const names = ['q0', 'count'].flatMap((job) =>
  Array.from({ length: PASSES_MAX }, (_, pass) => `${job}-${pass + 1}`),
)
export default { pipelines: names.map((name) => ({ name, plan: () => enginePipeline(name).plan() })) }
