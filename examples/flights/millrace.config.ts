/** The demo: flights of New York in January 2013, collected, kept, processed and delivered. */
import { defineConfig, deliver } from 'millrace'
import { fileSink } from 'millrace/connectors/file'
import { collectFlights } from './agent.ts'
import { flights } from './pipeline.ts'

const tables = ['delays-by-hour', 'departures-enriched', 'made-up-in-air', 'plane-rotations', 'late-streaks']

export default defineConfig({
  title: 'flights',
  agents: [collectFlights()],
  pipelines: [flights()],
  deliveries: [
    deliver('results', {
      topics: tables,
      sink: fileSink({ directory: 'out', path: '%{topic}/%Y-%m-%d/%H.jsonl' }),
    }),
  ],
  results: [
    {
      topic: 'delays-by-hour',
      title: 'Delays by hour',
      columns: ['hourMs', 'origin', 'carrier', 'departures', 'meanDelayMinutes', 'maxDelayMinutes'],
    },
    {
      topic: 'late-streaks',
      title: 'Late three times in a row',
      columns: ['atMs', 'origin', 'carrier', 'flightIds'],
    },
    {
      topic: 'plane-rotations',
      title: 'Rotations of planes',
      columns: ['tailnum', 'startMs', 'endMs', 'legs', 'seatsMoved', 'totalDelayMinutes'],
    },
    {
      topic: 'made-up-in-air',
      title: 'Made up in the air',
      columns: ['flightId', 'departureDelayMinutes', 'arrivalDelayMinutes', 'madeUpMinutes'],
    },
    {
      topic: 'departures-enriched',
      title: 'Departures with plane and weather',
      columns: ['departedMs', 'flightId', 'dest', 'manufacturer', 'seats', 'tempFahrenheit', 'windSpeedMph'],
    },
  ],
})
