/**
 * Time zones: between what clocks show and instants, without a call of `Intl` per row.
 *
 * Wall clock is given in milliseconds as if it were UTC. The offset of a zone is asked of `Intl` once for each
 * hour of UTC that is needed, and kept.
 *
 * 1. When clocks go back, an hour is shown twice; the first reading after a given instant counts.
 * 2. When clocks go forward, an hour is skipped; a time in it is read with the offset before the change.
 * 3. An airport takes the zone in `tzone` of airports.csv.
 * 4. Rule "US offset": an airport without `tzone` that has summer time `A` (as in the United States) takes the
 *    US zone of its standard offset in `tz` (EEN, LRO and YAK; no flight of 2013 went there).
 * 5. Rule "Caribbean": BQN, PSE, SJU and STT are not in airports.csv and take America/Puerto_Rico. (STT is on
 *    Saint Thomas, where clocks show the same.)
 * 6. Any other airport has no zone, and a flight to it is refused.
 */
import { invalidColumn, type Row, text } from './columns.ts'

/** The time zone of each airport, by its FAA code. */
export type Zones = ReadonlyMap<string, Zone>

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

const offsetsCachedMax = 100_000

/** The clocks of one time zone. */
export class Zone {
  readonly name: string
  readonly #format: Intl.DateTimeFormat
  /** Offset by the hour of UTC, in which no US zone changes it. */
  readonly #offsets = new Map<number, number>()

  constructor(name: string) {
    this.name = name
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  }

  /** What the clocks show at an instant. */
  wallClock(instantMs: number): number {
    return instantMs + this.#offsetAt(instantMs)
  }

  /** The first instant after `afterMs` at which the clocks show `wallMs`; rules 1 and 2. */
  instant(wallMs: number, afterMs = Number.NEGATIVE_INFINITY): number {
    const midnightMs = wallMs - modulo(wallMs, dayMs)
    const offsetBefore = this.#offsetAt(midnightMs - dayMs)
    const offsetAfter = this.#offsetAt(midnightMs + 2 * dayMs)
    const early = wallMs - offsetBefore
    if (offsetBefore === offsetAfter) return early
    if (this.#offsetAt(early) === offsetBefore && early > afterMs) return early
    const late = wallMs - offsetAfter
    return this.#offsetAt(late) === offsetAfter ? late : early
  }

  #offsetAt(instantMs: number): number {
    const hour = Math.floor(instantMs / hourMs)
    const known = this.#offsets.get(hour)
    if (known !== undefined) return known
    const offset = offsetIn(this.#format.format(hour * hourMs))
    if (this.#offsets.size >= offsetsCachedMax) this.#offsets.clear()
    this.#offsets.set(hour, offset)
    return offset
  }
}

/** The offset in a text such as `1/1/2013, GMT-05:00`; for UTC itself, some releases of ICU print only `GMT`. */
function offsetIn(formatted: string): number {
  const match = /GMT(?:([+-])(\d\d):(\d\d))?$/.exec(formatted)
  if (match === null) throw new RangeError(`"${formatted}" does not end with an offset of whole minutes`)
  const [, sign, hours = '0', minutes = '0'] = match
  const sizeMs = Number(hours) * hourMs + Number(minutes) * minuteMs
  return sign === '-' ? -sizeMs : sizeMs
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}

const usZoneByOffset: Readonly<Record<string, string>> = {
  '-5': 'America/New_York',
  '-6': 'America/Chicago',
  '-7': 'America/Denver',
  '-8': 'America/Los_Angeles',
  '-9': 'America/Anchorage',
}
const caribbeanAirports = ['BQN', 'PSE', 'SJU', 'STT']

/** The zones of the airports in the rows of airports.csv, and of the four that it lacks; rules 3 to 6. */
export function zonesOfAirports(airports: Iterable<Row>): Zones {
  const caribbean = new Zone('America/Puerto_Rico')
  const zones = new Map(caribbeanAirports.map((airport) => [airport, caribbean]))
  const zoneByName = new Map<string, Zone>()
  for (const row of airports) {
    const name = row['tzone'] ?? (row['dst'] === 'A' ? usZoneByOffset[row['tz'] ?? ''] : undefined)
    if (name === undefined) continue
    const zone = zoneByName.get(name) ?? openZone(row, name)
    zoneByName.set(name, zone)
    zones.set(text(row, 'faa'), zone)
  }
  return zones
}

function openZone(row: Row, name: string): Zone {
  try {
    return new Zone(name)
  } catch {
    throw invalidColumn(row, 'tzone', 'the name of a time zone')
  }
}
