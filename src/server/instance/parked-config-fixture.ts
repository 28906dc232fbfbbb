/** A configuration that workers load: a pipeline whose function refuses a record as often as the record says. */
import { json } from '../../core/serde.ts'
import { pipeline } from '../../dsl/pipeline.ts'
import { defineConfig } from './config.ts'

export interface Job {
  readonly id: string
  /** The first attempt that works. */
  readonly worksAt?: number
}

const jobs = pipeline('jobs')
jobs
  .stream('in', json<Job>())
  .mapAsync(
    ({ id, worksAt = 1 }, _key, { attempt }) => {
      if (attempt < worksAt) throw new Error(`${id} is not ready`)
      return id
    },
    {
      name: 'worked',
      order: 'per-key',
      retry: { attempts: 2, backoff: 1 },
      onFailure: 'park',
      park: { retry: 'never' },
    },
  )
  .to('done')

const copies = pipeline('copies')
copies.stream('in', json<Job>()).to('copied')

export default defineConfig({
  pipelines: [jobs, copies],
  topics: { in: { partitions: 4 } },
  run: { commitInterval: 50 },
})
