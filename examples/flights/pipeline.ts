/**
 * What the demo computes, table by table as RESULTS.md defines them.
 *
 * `departed` and `arrived` are keyed by origin and carrier, `weather` by origin, `planes` by tail number. Where a
 * table needs another key the records move through an internal topic by themselves.
 */
import { aggregator, count, max, pipeline, session, sum, tumbling } from 'millrace'
import { arrived, type Departed, departed, plane, weather } from './schemas.ts'

const LATE_MINUTES = 60
const STREAK = 3

/** Flights of one origin and carrier in a row that left late: how many, and the ids of the first three. */
const lateInARow = aggregator<Departed, { length: number; flightIds: string[]; atMs: number }>({
  init: () => ({ length: 0, flightIds: [], atMs: 0 }),
  add(streak, flight) {
    if (flight.departureDelayMinutes <= LATE_MINUTES) return { length: 0, flightIds: [], atMs: 0 }
    const flightIds = streak.length < STREAK ? [...streak.flightIds, flight.flightId] : streak.flightIds
    return { length: streak.length + 1, flightIds, atMs: flight.departedMs }
  },
})

/** The mean, half away from zero to two decimals, formed in whole numbers. */
export function roundedMean(total: number, count: number): number {
  return (Math.sign(total) * Math.floor((200 * Math.abs(total) + count) / (2 * count))) / 100
}

export function flights() {
  const app = pipeline('flights')
  const departures = app.stream('departed', departed, { eventTime: (d) => d.departedMs })
  const arrivals = app.stream('arrived', arrived, { eventTime: (a) => a.arrivedMs })
  const planes = app.table('planes', plane)
  const conditions = app.table('weather', weather, { eventTime: (w) => w.observedMs, history: '2 days' })

  // (a) departures and delays per origin, carrier and hour
  departures
    .groupByKey()
    .window(tumbling('1 hour'))
    .aggregate(
      {
        departures: count(),
        sumDelayMinutes: sum((d) => d.departureDelayMinutes),
        maxDelayMinutes: max((d) => d.departureDelayMinutes),
      },
      { name: 'delays-by-hour' },
    )
    .toStream()
    .mapValues((row, window) => {
      const [origin, carrier] = window.key.split('|')
      const meanDelayMinutes = roundedMean(row.sumDelayMinutes, row.departures)
      return { origin, carrier, hourMs: window.windowStartMs, ...row, meanDelayMinutes }
    })
    .to('delays-by-hour')

  // (b) departures with their plane, and the weather as of that moment
  const withPlane = departures
    .selectKey((d) => d.tailnum, { name: 'departures-by-plane' })
    .join(planes, (d, p) => ({ ...d, manufacturer: p.manufacturer, seats: p.seats, builtYear: p.year }), {
      name: 'plane-of-departure',
    })
  withPlane
    .selectKey((d) => d.origin, { name: 'departures-by-origin' })
    .join(
      conditions,
      (d, w) => ({
        flightId: d.flightId,
        origin: d.origin,
        carrier: d.carrier,
        dest: d.dest,
        departedMs: d.departedMs,
        manufacturer: d.manufacturer,
        seats: d.seats,
        builtYear: d.builtYear,
        weatherMs: w.observedMs,
        tempFahrenheit: w.tempFahrenheit,
        windSpeedMph: w.windSpeedMph,
        precipInches: w.precipInches,
        visibilityMiles: w.visibilityMiles,
      }),
      { name: 'weather-at-departure' },
    )
    .selectKey((d) => d.flightId, { name: 'enriched-by-flight' })
    .to('departures-enriched')

  // (c) minutes made up or lost between departure and arrival
  departures
    .selectKey((d) => d.flightId, { name: 'departures-by-flight' })
    .join(
      arrivals.selectKey((a) => a.flightId, { name: 'arrivals-by-flight' }),
      ({ flightId, departureDelayMinutes }, { arrivalDelayMinutes }) => ({
        flightId,
        departureDelayMinutes,
        arrivalDelayMinutes,
        madeUpMinutes: arrivalDelayMinutes === null ? null : departureDelayMinutes - arrivalDelayMinutes,
      }),
      { name: 'departure-and-arrival', within: { before: 0, after: '24 hours' } },
    )
    .to('made-up-in-air')

  // (d) rotations: what a plane does between two pauses of more than 10 hours
  const landed = arrivals
    .selectKey((a) => a.tailnum, { name: 'arrivals-by-plane' })
    .join(planes, () => ({ legs: 0, seats: 0, delayMinutes: 0 }), { name: 'plane-of-arrival' })
  withPlane
    .mapValues((d) => ({ legs: 1, seats: d.seats, delayMinutes: d.departureDelayMinutes }))
    .merge(landed)
    .groupByKey()
    .window(session('10 hours'))
    .aggregate(
      {
        legs: sum((leg) => leg.legs),
        seatsMoved: sum((leg) => leg.seats),
        totalDelayMinutes: sum((leg) => leg.delayMinutes),
      },
      { name: 'plane-rotations' },
    )
    .toStream()
    .mapValues((row, { key, windowStartMs, windowEndMs }) => ({
      tailnum: key,
      startMs: windowStartMs,
      endMs: windowEndMs,
      ...row,
    }))
    .to('plane-rotations')

  // (e) an alert at the third flight in a row that leaves more than an hour late
  departures
    .groupByKey()
    .aggregate({ streak: lateInARow }, { name: 'late-streaks' })
    .toStream()
    .filter(({ streak }) => streak.length === STREAK)
    .mapValues(({ streak }, key) => {
      const [origin, carrier] = key.split('|')
      return { origin, carrier, atMs: streak.atMs, flightIds: streak.flightIds }
    })
    .selectKey((alert) => `${alert.origin}|${alert.carrier}|${alert.atMs}`, { name: 'alert-by-time' })
    .to('late-streaks')
  return app
}
