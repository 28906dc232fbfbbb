/** The module of a worker: runs one thread of one pipeline of a configuration file, over TCP to the broker. */
import { Cluster } from '../../client/cluster.ts'
import { MillraceError } from '../../core/errors.ts'
import type { LogFields, Logger } from '../../core/logger.ts'
import { every } from '../../platform/clock.ts'
import { nodeModules } from '../../platform/node/modules.ts'
import { nodePlatform } from '../../platform/node/platform.ts'
import { nodeThreads } from '../../platform/node/threads.ts'
import { PipelineThread } from '../../runtime/thread/pipeline-thread.ts'
import { checkConfig } from './config.ts'
import {
  type Answers,
  type FromWorker,
  plainError,
  type Question,
  type ToWorker,
  type WorkerData,
} from './worker-messages.ts'

const SNAPSHOT_MS = 50

const self = nodeThreads.thisThread<ToWorker, FromWorker>()

const post =
  (level: 'debug' | 'info' | 'warn' | 'error') =>
  (fields: LogFields, message: string): void =>
    self.post({ kind: 'log', level, fields, message })
const logger: Logger = { debug: post('debug'), info: post('info'), warn: post('warn'), error: post('error') }

function answersOf(
  thread: PipelineThread,
  question: Question,
): Answers[keyof Answers] | Promise<Answers['decide']> {
  switch (question.kind) {
    case 'query':
      return thread.query(question.query)
    case 'parked':
      return thread.parked(question.most)
    case 'decide':
      return thread.decide(question.request)
  }
}

/** Rows of the user's own that cannot cross are an answer, too. */
async function answer(thread: PipelineThread, id: number, question: Question): Promise<void> {
  try {
    self.post({ kind: 'answers', id, answers: await answersOf(thread, question) })
  } catch (error) {
    self.post({ kind: 'unanswered', id, error: plainError(error) })
  }
}

async function main(data: WorkerData): Promise<void> {
  const exports = await nodeModules.load(data.configFile)
  const pipeline = checkConfig(exports['default'], data.configFile).pipelines?.find(
    ({ name }) => name === data.pipeline,
  )
  if (pipeline === undefined) {
    throw new MillraceError(
      'MR_CONFIG_INVALID',
      `no pipeline "${data.pipeline}" in the configuration of the worker`,
      {
        where: data.configFile,
        hint: 'The configuration must give the same pipelines each time it is loaded.',
      },
    )
  }
  const platform = nodePlatform()
  const cluster = new Cluster({
    platform,
    ...data.reach,
    clientId: `millrace-${data.pipeline}`,
    logger,
  })
  const { settings, index, partitionCounts } = data
  const { clock } = platform
  const thread = new PipelineThread({
    plan: pipeline.plan(),
    settings,
    cluster,
    clock,
    logger,
    index,
    partitionCounts,
  })
  self.onMessage((message) => {
    if (message.kind === 'stop') thread.stop()
    else if (message.kind === 'ask') void answer(thread, message.id, message.question)
    else thread.drainTo(message.endOffsets)
  })
  const report = (): void => self.post({ kind: 'snapshot', snapshot: thread.snapshot() })
  const timer = every(clock, SNAPSHOT_MS, report)
  try {
    await thread.run()
    report()
  } finally {
    timer.cancel()
    await cluster.close()
  }
}

main(self.data as WorkerData)
  .then(
    () => self.post({ kind: 'done' }),
    (error: unknown) => self.post({ kind: 'failed', error: plainError(error) }),
  )
  .finally(() => self.close())
