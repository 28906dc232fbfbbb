/** Threads of a pipeline that run in the thread of whoever starts them, rather than in workers. */
import type { RunningThread } from './pipeline-runtime.ts'
import { PipelineThread, type PipelineThreadOptions } from './thread/pipeline-thread.ts'

/** What a `PipelineRuntime` starts its threads with. */
export function localThreads(
  options: Omit<PipelineThreadOptions, 'index'>,
): (index: number) => RunningThread {
  return (index) => {
    const thread = new PipelineThread({ ...options, index })
    return {
      done: thread.run(),
      stop: () => thread.stop(),
      drainTo: (endOffsets) => thread.drainTo(endOffsets),
      snapshot: () => thread.snapshot(),
      query: async (query) => thread.query(query),
      parked: async (most) => thread.parked(most),
      decide: (request) => thread.decide(request),
    }
  }
}
