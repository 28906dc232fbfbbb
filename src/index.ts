/** What a user imports from `millrace`. */
import type { MillraceConfig } from './server/instance/config.ts'
import type { RunningMillrace, StartOptions } from './server/instance/start.ts'

export {
  agent,
  byTopic,
  deliver,
  interceptor,
  multiplexing,
  replicating,
  topicChannel,
} from './collect/index.ts'
export { type Duration, durationMs } from './core/duration.ts'
export { type ErrorCode, errorRegister } from './core/error-register.ts'
export { formatError, isMillraceError, MillraceError } from './core/errors.ts'
export type { DecodedRecord, Header, Headers } from './core/record.ts'
export type { StandardSchema } from './core/schema.ts'
export { bytesSerde, int64Serde, json, jsonOf, type Serde, stringSerde } from './core/serde.ts'
export { type Assembled, assemble } from './dsl/assemble.ts'
export type { Cogrouped, CogroupedStreamOptions, CogroupOptions, WindowedCogrouped } from './dsl/cogrouped.ts'
export type { GlobalTable } from './dsl/global-table.ts'
export type { Grouped, WindowedGrouped } from './dsl/grouped.ts'
export { pattern } from './dsl/pattern.ts'
export { type Pipeline, pipeline, type SourceOptions, type TableOptions } from './dsl/pipeline.ts'
export {
  keyValueState,
  output,
  outputBy,
  type Processor,
  type ProcessorContext,
  type ProcessorDefinition,
} from './dsl/processor.ts'
export { type RemoteTable, type RemoteTableOptions, remoteTable } from './dsl/remote-table.ts'
export type { Stream, StreamJoinOptions, TableJoinOptions, ToOptions } from './dsl/stream.ts'
export type { Table } from './dsl/table.ts'
export type { TableGrouped } from './dsl/table-grouped.ts'
export {
  type CalendarOptions,
  calendar,
  custom,
  type Emit,
  type EmitTriggers,
  everyRecords,
  hopping,
  session,
  sliding,
  tumbling,
  unlimited,
} from './dsl/window.ts'
export {
  type Aggregator,
  aggregator,
  collect,
  count,
  first,
  last,
  max,
  mean,
  min,
  type ReversibleAggregator,
  sum,
} from './operators/aggregator.ts'
export { distinctCount, distinctCountSketch } from './operators/aggregators/distinct-count.ts'
export { histogram } from './operators/aggregators/histogram.ts'
export { quantiles } from './operators/aggregators/quantiles.ts'
export { stddev } from './operators/aggregators/stddev.ts'
export { topK } from './operators/aggregators/top-k.ts'
export type { AssembledEvent, Interval } from './operators/assemble.ts'
export type { AsyncCall } from './operators/async-call.ts'
export type { ParkedDecision, ParkedKey, RecordMetadata } from './operators/operator.ts'
export type { Windowed } from './operators/windowed.ts'
export type { DescribedPlan } from './plan/describe-json.ts'
export type { ParkedOptions, PipelineParkedKey } from './runtime/parked/parked-directory.ts'
export type { ParkedKeys } from './runtime/parked/pipeline-parked.ts'
export type { StoreDescription } from './runtime/queries/pipeline-stores.ts'
export type {
  FoundValue,
  PageOptions,
  RowsPage,
  RowsWanted,
  StoreReader,
} from './runtime/queries/store-reader.ts'
export type { InputPosition } from './runtime/queries/task-query.ts'
export { defineConfig, type MillraceConfig } from './server/instance/config.ts'
export type { RunningMillrace, StartOptions } from './server/instance/start.ts'
export type { StoreRow } from './state/store-query.ts'

/**
 * Starts a configuration in this process, as `millrace dev` does in a terminal; resolves once its topics, pipelines and
 * agents run.
 *
 * ```ts
 * const millrace = await start(defineConfig({ pipelines: [shop] }))
 * const { value } = await millrace.store<number>('stock').get('hat')
 * ```
 * @throws MR_CONFIG_INVALID, MR_PORT_IN_USE, MR_DATA_DIRECTORY_LOCKED, and what its parts throw at their start
 */
export async function start(config: MillraceConfig, options: StartOptions = {}): Promise<RunningMillrace> {
  // Loaded when it is needed: who only writes a pipeline has no use for a broker.
  const [{ nodePlatform }, { nodeThreads }, { startOn }] = await Promise.all([
    import('./platform/node/platform.ts'),
    import('./platform/node/threads.ts'),
    import('./server/instance/start.ts'),
  ])
  return startOn({ platform: nodePlatform(), threads: nodeThreads }, config, options)
}
