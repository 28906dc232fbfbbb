/**
 * From the rows of the nycflights13 files to the events of the demo: pure functions, no I/O.
 *
 * Every rule was checked on all 336,776 flights of 2013; the figures are what was found there.
 *
 * 1. Scheduled departure: `time_hour` (UTC) and `minute`. `year`, `month`, `day` and `sched_dep_time` are the
 *    same instant on New York's clocks, and `hour` and `minute` repeat `sched_dep_time`, without exception.
 * 2. Departure: `dep_delay` minutes of elapsed time later, on another day where they lead there (1,236 flights;
 *    the largest delay is 1,301). New York's clocks then show `dep_time`, in all 328,521 departures. Midnight
 *    is written 2400 (29 departures, 150 arrivals), never 0; both are read.
 * 3. Arrival: `arr_time` is on the clocks of the destination and has no day. It is the first instant after the
 *    departure at which those clocks show it, at most 24 hours later (20 h 25 min is the longest). Arrivals
 *    found so lie exactly `arr_delay` after the scheduled ones in all 327,346 rows that have it.
 * 4. Clocks that change (rules 1 and 2 of zones.ts) touch two flights: VX 413 to LAX of 2 November arrived at
 *    an hour shown twice, and `air_time` and `arr_delay` agree with the first; B6 35 to PBI of 9 March arrived
 *    at 203, which Florida skipped that night and which `air_time` shows to mean 3:03.
 * 5. `dep_time` null: cancelled, one event at the scheduled time (8,255). `arr_time` null: departed, and no
 *    arrival is known (458). `arr_delay` and `air_time` null beside an `arr_time`: diverted (717), kept null.
 * 6. A departed flight has a tail number, without exception; a cancelled one may lack it (2,512).
 * 7. `flightId` holds the scheduled day, carrier, number, origin and scheduled clock time. It is unique over
 *    the year, and would be without the clock time.
 * 8. Weather: the event's time is `time_hour`; `year`, `month`, `day` and `hour` are New York's clocks and agree
 *    with it in all rows of the three airports.
 *
 * A row that breaks a rule is refused: MR_RECORD_INVALID with `column` and `value` in its context, and no event.
 * Columns are read in the order of the header and then compared with each other; the first fault is named.
 */
import {
  clock,
  clockOrNull,
  decimalOrNull,
  integer,
  integerOrNull,
  invalidColumn,
  midnightOf,
  type Row,
  text,
  textOrNull,
  utcHour,
} from './columns.ts'
import type { Arrived, Cancelled, Departed, Plane, Weather } from './schemas.ts'
import type { Zone, Zones } from './zones.ts'

/** What goes to a topic: at the event's own time, with the key by which the pipeline groups or joins. */
export interface TopicEvent<Topic extends string, Value> {
  readonly topic: Topic
  readonly key: string
  readonly timestampMs: number
  readonly value: Value
}

export type FlightEvent =
  | TopicEvent<'departed', Departed>
  | TopicEvent<'arrived', Arrived>
  | TopicEvent<'cancelled', Cancelled>
export type WeatherEvent = TopicEvent<'weather', Weather>
export type PlaneEvent = TopicEvent<'planes', Plane>

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMinutes = 24 * 60
const dayMs = dayMinutes * minuteMs

/** The event time of the whole register of planes: New York's first midnight of 2013, before all other events. */
export const registerMs = Date.UTC(2013, 0, 1, 5)

const origins: ReadonlySet<string> = new Set(['EWR', 'JFK', 'LGA'])
const carrierPattern = /^[A-Z0-9]{2}$/

/**
 * The events of one row of a flights file: `departed` and `arrived`, only `departed`, or `cancelled`.
 *
 * @throws MR_RECORD_INVALID when the row cannot be read or contradicts itself
 */
export function eventsOfFlight(row: Row, zones: Zones): readonly FlightEvent[] {
  const flight = readFlight(row, zones)
  if (flight.departureClock === null) return [cancelledEvent(row, flight)]
  const departed = departedEvent(row, flight, flight.departureClock)
  if (flight.arrivalClock === null) return [departed]
  return [departed, arrivedEvent(row, flight, flight.arrivalClock, departed.value)]
}

/** The event of one row of a weather file. @throws MR_RECORD_INVALID */
export function eventOfWeather(row: Row, zones: Zones): WeatherEvent {
  const origin = originOf(row)
  const zone = zoneOf(row, 'origin', zones)
  const wallMs = midnightOf(row) + integer(row, 'hour') * hourMs
  const measured = {
    tempFahrenheit: decimalOrNull(row, 'temp'),
    dewPointFahrenheit: decimalOrNull(row, 'dewp'),
    humidityPercent: decimalOrNull(row, 'humid'),
    windDirectionDegrees: decimalOrNull(row, 'wind_dir'),
    windSpeedMph: decimalOrNull(row, 'wind_speed'),
    windGustMph: decimalOrNull(row, 'wind_gust'),
    precipInches: decimalOrNull(row, 'precip'),
    pressureMillibars: decimalOrNull(row, 'pressure'),
    visibilityMiles: decimalOrNull(row, 'visib'),
  }
  const observedMs = instantOf(row, zone, wallMs)
  const value = { origin, observedMs, ...measured }
  return { topic: 'weather', key: origin, timestampMs: observedMs, value }
}

/** The event of one row of the register of planes. @throws MR_RECORD_INVALID */
export function eventOfPlane(row: Row): PlaneEvent {
  const tailnum = text(row, 'tailnum')
  const value = {
    tailnum,
    year: integerOrNull(row, 'year'),
    type: text(row, 'type'),
    manufacturer: text(row, 'manufacturer'),
    model: text(row, 'model'),
    engines: integer(row, 'engines'),
    seats: integer(row, 'seats'),
    cruisingSpeedMph: integerOrNull(row, 'speed'),
    engine: text(row, 'engine'),
  }
  return { topic: 'planes', key: tailnum, timestampMs: registerMs, value }
}

type Flight = ReturnType<typeof readFlight>

/** All columns of a flight, read in the order of the header. Clock times are minutes after midnight. */
function readFlight(row: Row, zones: Zones) {
  const midnightMs = midnightOf(row)
  const departureClock = clockOrNull(row, 'dep_time')
  const scheduledClock = clock(row, 'sched_dep_time')
  const departureDelayMinutes = integerOrNull(row, 'dep_delay')
  const arrivalClock = clockOrNull(row, 'arr_time')
  clock(row, 'sched_arr_time')
  const arrivalDelayMinutes = integerOrNull(row, 'arr_delay')
  const carrier = text(row, 'carrier')
  if (!carrierPattern.test(carrier)) throw invalidColumn(row, 'carrier', 'two letters or digits')
  const number = integer(row, 'flight')
  const tailnum = textOrNull(row, 'tailnum')
  const origin = originOf(row)
  const zoneOfOrigin = zoneOf(row, 'origin', zones)
  const dest = text(row, 'dest')
  const zoneOfDest = zoneOf(row, 'dest', zones)
  const airMinutes = integerOrNull(row, 'air_time')
  const distanceMiles = integer(row, 'distance')
  const minute = scheduledClock % 60
  const hourFits = integer(row, 'hour') * 60 + minute === scheduledClock
  if (!hourFits) throw invalidColumn(row, 'hour', 'the hour of sched_dep_time')
  if (integer(row, 'minute') !== minute) throw invalidColumn(row, 'minute', 'the minute of sched_dep_time')
  const scheduledMs = instantOf(row, zoneOfOrigin, midnightMs + scheduledClock * minuteMs)
  return {
    identity: { flightId: flightIdOf(row), carrier, flight: number, origin, dest },
    tailnum,
    distanceMiles,
    scheduledMs,
    departureClock,
    departureDelayMinutes,
    zoneOfOrigin,
    arrivalClock,
    arrivalDelayMinutes,
    airMinutes,
    zoneOfDest,
  }
}

function departedEvent(row: Row, flight: Flight, clockMinutes: number): TopicEvent<'departed', Departed> {
  const { identity, tailnum, distanceMiles, scheduledMs, departureDelayMinutes } = flight
  if (departureDelayMinutes === null) throw invalidColumn(row, 'dep_delay', 'a delay, as dep_time is given')
  if (tailnum === null) throw invalidColumn(row, 'tailnum', 'a tail number, as dep_time is given')
  const departedMs = scheduledMs + departureDelayMinutes * minuteMs
  const wallMs = flight.zoneOfOrigin.wallClock(departedMs)
  if ((wallMs - clockMinutes * minuteMs) % dayMs !== 0) {
    throw invalidColumn(row, 'dep_time', 'sched_dep_time plus dep_delay')
  }
  const value = { ...identity, tailnum, distanceMiles, scheduledMs, departedMs, departureDelayMinutes }
  return { topic: 'departed', key: keyOf(flight), timestampMs: departedMs, value }
}

function arrivedEvent(
  row: Row,
  flight: Flight,
  clockMinutes: number,
  departed: Departed,
): TopicEvent<'arrived', Arrived> {
  const { identity, arrivalDelayMinutes, airMinutes, zoneOfDest } = flight
  const { tailnum, departedMs } = departed
  // The first day that can hold the arrival is that of the departure in UTC, or the one before west of it.
  let wallMs = departedMs - (departedMs % dayMs) - dayMs + (clockMinutes % dayMinutes) * minuteMs
  let arrivedMs = zoneOfDest.instant(wallMs, departedMs)
  while (arrivedMs <= departedMs) {
    wallMs += dayMs
    arrivedMs = zoneOfDest.instant(wallMs, departedMs)
  }
  if (arrivedMs - departedMs > dayMs)
    throw invalidColumn(row, 'arr_time', 'a time within 24 hours of dep_time')
  const value = { ...identity, tailnum, departedMs, arrivedMs, arrivalDelayMinutes, airMinutes }
  return { topic: 'arrived', key: keyOf(flight), timestampMs: arrivedMs, value }
}

function cancelledEvent(row: Row, flight: Flight): TopicEvent<'cancelled', Cancelled> {
  const { identity, tailnum, distanceMiles, scheduledMs, departureDelayMinutes, arrivalClock } = flight
  if (departureDelayMinutes !== null) throw invalidColumn(row, 'dep_delay', 'NA, as dep_time is NA')
  if (arrivalClock !== null) throw invalidColumn(row, 'arr_time', 'NA, as dep_time is NA')
  const value = { ...identity, tailnum, distanceMiles, scheduledMs }
  return { topic: 'cancelled', key: keyOf(flight), timestampMs: scheduledMs, value }
}

function keyOf(flight: Flight): string {
  return `${flight.identity.origin}|${flight.identity.carrier}`
}

function flightIdOf(row: Row): string {
  const month = row['month']?.padStart(2, '0')
  const day = row['day']?.padStart(2, '0')
  const clockText = row['sched_dep_time']?.padStart(4, '0')
  return `${row['year']}-${month}-${day} ${row['carrier']} ${row['flight']} ${row['origin']} ${clockText}`
}

function originOf(row: Row): string {
  const origin = text(row, 'origin')
  if (!origins.has(origin)) throw invalidColumn(row, 'origin', 'EWR, JFK or LGA')
  return origin
}

function zoneOf(row: Row, column: 'origin' | 'dest', zones: Zones): Zone {
  const zone = zones.get(text(row, column))
  if (zone === undefined) throw invalidColumn(row, column, 'an airport of airports.csv')
  return zone
}

/** The instant in the UTC hour `time_hour` at which the clocks of `zone` show `wallMs`. */
function instantOf(row: Row, zone: Zone, wallMs: number): number {
  const instantMs = utcHour(row, 'time_hour') + (wallMs % hourMs)
  if (zone.wallClock(instantMs) !== wallMs)
    throw invalidColumn(row, 'time_hour', 'the hour of the local time')
  return instantMs
}
