/** Starts a pipeline of a configuration: its topics, and its threads here or in workers. */
import type { Admin } from '../../client/admin/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import { invariant } from '../../core/invariant.ts'
import type { Logger } from '../../core/logger.ts'
import { localThreads } from '../../runtime/local-threads.ts'
import { pipelineSettings } from '../../runtime/pipeline-config.ts'
import { PipelineRuntime, type RunningThread } from '../../runtime/pipeline-runtime.ts'
import { prepareTopics } from '../../runtime/pipeline-topics.ts'
import type { InstanceOptions } from './instance-options.ts'
import type { PlannedPipeline } from './order-pipelines.ts'
import type { ClusterReach } from './worker-messages.ts'
import { startWorkerThread } from './worker-thread.ts'

export interface PipelineSurroundings {
  readonly options: InstanceOptions
  readonly cluster: Cluster
  readonly admin: Admin
  /** How workers reach the cluster. */
  readonly reach: () => Promise<ClusterReach>
  readonly logger: Logger
}

/** @throws MR_TOPIC_UNKNOWN, MR_PLAN_NOT_COPARTITIONED */
export async function startPipeline(
  { pipeline, plan }: PlannedPipeline,
  surroundings: PipelineSurroundings,
): Promise<PipelineRuntime> {
  const { options, cluster, admin, logger } = surroundings
  const run = options.config.run ?? {}
  const settings = pipelineSettings(run, options.once)
  const threads = options.threadCount ?? run.threads ?? 1
  invariant(Number.isSafeInteger(threads) && threads > 0, 'a pipeline has one thread or more')
  const partitionCounts = await prepareTopics(plan, admin)
  const { clock } = options.platform
  const { configFile } = options
  const reach = threads === 1 ? { brokers: [] } : await surroundings.reach()
  const data = { configFile, pipeline: pipeline.name, reach, settings, partitionCounts }
  const inWorker = (index: number): RunningThread =>
    startWorkerThread(options.threads, { ...data, index }, logger)
  const startThread =
    threads === 1 ? localThreads({ plan, settings, cluster, clock, logger, partitionCounts }) : inWorker
  const runtime = new PipelineRuntime({ plan, clock, logger, threads, startThread, partitionCounts })
  runtime.start()
  return runtime
}
