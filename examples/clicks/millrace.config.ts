import { count, defineConfig, json, pipeline, tumbling } from 'millrace'

export const clicksPerPage = pipeline('clicks')
clicksPerPage
  .stream('clicks', json<{ page: string }>())
  .groupBy((click) => click.page)
  .window(tumbling('10 seconds'))
  .aggregate({ clicks: count() })
  .to('clicks-per-page')

export default defineConfig({
  topics: { clicks: { partitions: 1 } },
  pipelines: [clicksPerPage],
  results: [{ topic: 'clicks-per-page' }],
})
