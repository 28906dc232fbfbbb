/**
 * What the demo collects: the files in `data/spool`, row by row, as events in the order of their own time.
 *
 * A spooling directory, an interceptor that makes events of rows, one durable channel per kind of event, and replay
 * at a chosen speed. Rows that cannot be read go to `collect-flights-dead-letters` with file, line and reason.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { agent, interceptor, topicChannel } from 'millrace'
import { type CsvRow, csv, spoolDirectory } from 'millrace/connectors/spool-directory'
import type { Row } from './columns.ts'
import {
  eventOfPlane,
  eventOfWeather,
  eventsOfFlight,
  type FlightEvent,
  type PlaneEvent,
  type WeatherEvent,
} from './events.ts'
import { zonesOfAirports } from './zones.ts'

/** A day of 2013 passes in ten seconds. */
const SPEED = 8640

/** Reads a lookup table: a gzipped CSV file in which `NA` is null. */
function readTable(file: URL): Row[] {
  const cast = (value: string, context: { header: boolean }) =>
    value === 'NA' && !context.header ? null : value
  return parse(gunzipSync(readFileSync(file)), { columns: true, cast })
}

/** The agent over a directory that `prepare.mjs` made: `airports.csv.gz` and `spool/`. */
export function collectFlights(directory: URL = new URL('data/', import.meta.url)) {
  const zones = zonesOfAirports(readTable(new URL('airports.csv.gz', directory)))
  const eventsOf = (file: string, row: Row): readonly (FlightEvent | WeatherEvent | PlaneEvent)[] => {
    if (file.startsWith('flights')) return eventsOfFlight(row, zones)
    return [file.startsWith('weather') ? eventOfWeather(row, zones) : eventOfPlane(row)]
  }
  return agent('collect-flights', {
    source: spoolDirectory({
      directory: new URL('spool', directory).pathname,
      includePattern: '.*[.]csv[.]gz',
      deserializer: csv({ nulls: ['NA'] }),
      basenameHeader: true,
    }),
    interceptors: [
      interceptor<CsvRow>('events of a row', ({ headers, body }) =>
        eventsOf(headers['basename'] ?? '', body).map(({ topic, key, timestampMs, value }) => {
          return { headers: {}, topic, key, timestampMs, body: value }
        }),
      ),
    ],
    channels: ['departed', 'arrived', 'cancelled', 'weather', 'planes'].map((topic) => topicChannel(topic)),
    replay: { speed: SPEED },
  })
}
