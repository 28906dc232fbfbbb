/** A day of generated clicks, from the web servers to files of sessions. */
import { agent, defineConfig, deliver, topicChannel } from 'millrace'
import { fileSink } from 'millrace/connectors/file'
import { hedwig } from './pipeline.ts'
import { generatedClicks } from './source.ts'

/** A day passes in half a minute. */
const SPEED = 2880

const uploads = ['sessions', 'fraud-sessions', 'late-clicks']

export default defineConfig({
  title: 'hedwig',
  topics: Object.fromEntries(['clicks', ...uploads].map((topic) => [topic, { partitions: 2 }])),
  agents: [
    agent('web-servers', {
      source: generatedClicks({}),
      channels: [topicChannel('clicks')],
      replay: { speed: SPEED },
    }),
  ],
  pipelines: [hedwig()],
  deliveries: [
    deliver('uploads', {
      topics: uploads,
      sink: fileSink({ directory: 'out', path: '%{topic}/%Y-%m-%d/%H.jsonl', format: 'value' }),
    }),
  ],
  results: [
    {
      topic: 'sessions',
      title: 'Sessions',
      columns: ['visitor', 'startMs', 'endMs', 'clicks', 'pages', 'bookings', 'landingPage'],
    },
    {
      topic: 'fraud-sessions',
      title: 'Left out as fraud',
      columns: ['visitor', 'startMs', 'endMs', 'clicks', 'busiestMinuteClicks'],
    },
  ],
})
