/** The pipeline over all of January, on virtual time, against what DuckDB computed from the same files. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { isMillraceError } from 'millrace'
import { testDriver } from 'millrace/testing'
import type { Row } from './columns.ts'
import {
  eventOfPlane,
  eventOfWeather,
  eventsOfFlight,
  type FlightEvent,
  type PlaneEvent,
  type WeatherEvent,
} from './events.ts'
import { flights } from './pipeline.ts'
import { zonesOfAirports } from './zones.ts'

const data = new URL('data/', import.meta.url)
const golden = new URL('golden/january/', import.meta.url)
const tables = [
  'delays-by-hour',
  'departures-enriched',
  'made-up-in-air',
  'plane-rotations',
  'late-streaks',
] as const

function rowsOf(file: URL): Row[] {
  const cast = (value: string, context: { header: boolean }) =>
    value === 'NA' && !context.header ? null : value
  return parse(gunzipSync(readFileSync(file)), { columns: true, cast, relax_column_count: true })
}

/**
 * All events of the spooled files in the order of their time. At the same time what tables hold comes first, as it
 * does when a pipeline reads topics; else ties go by the order of the files.
 */
function januaryEvents(): (FlightEvent | WeatherEvent | PlaneEvent)[] {
  const zones = zonesOfAirports(rowsOf(new URL('airports.csv.gz', data)))
  const events: (FlightEvent | WeatherEvent | PlaneEvent)[] = []
  const spool = new URL('spool/', data)
  for (const name of readdirSync(spool).toSorted()) {
    for (const row of rowsOf(new URL(name, spool))) {
      try {
        if (name.startsWith('flights')) events.push(...eventsOfFlight(row, zones))
        else events.push(name.startsWith('weather') ? eventOfWeather(row, zones) : eventOfPlane(row))
      } catch (error) {
        assert.ok(isMillraceError(error, 'MR_RECORD_INVALID'))
      }
    }
  }
  const rank = (topic: string): number => (topic === 'weather' || topic === 'planes' ? 0 : 1)
  return events.toSorted((a, b) => a.timestampMs - b.timestampMs || rank(a.topic) - rank(b.topic))
}

/** RFC 8785 for rows of texts, numbers, nulls and lists. */
function canonical(row: Record<string, unknown>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))))
}

describe('the flights pipeline', () => {
  it('computes for January what DuckDB computes from the same files', () => {
    const driver = testDriver(flights())
    for (const { topic, key, timestampMs, value } of januaryEvents()) {
      if (topic !== 'cancelled') driver.topic(topic).append(value, { key, timestampMs })
    }
    driver.end()
    assert.deepEqual(driver.topic('flights-late').read(), [])
    assert.deepEqual(driver.topic('flights-dead-letters').read(), [])
    for (const table of tables) {
      const rows = driver.topic(table).read<Record<string, unknown>>()
      const lines = rows.map((record) => canonical(record.value)).toSorted((a, b) => (a < b ? -1 : 1))
      const expected = readFileSync(new URL(`${table}.jsonl`, golden), 'utf8')
        .split('\n')
        .slice(0, -1)
      assert.equal(lines.length, expected.length, table)
      assert.deepEqual(lines, expected, table)
    }
  })
})
