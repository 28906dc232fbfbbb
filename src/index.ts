/** What a user imports from `millrace`. */

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
export type { Cogrouped, CogroupOptions, WindowedCogrouped } from './dsl/cogrouped.ts'
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
export type { Stream, StreamJoinOptions, ToOptions } from './dsl/stream.ts'
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
export type { RecordMetadata } from './operators/operator.ts'
export type { Windowed } from './operators/windowed.ts'
export type { DescribedPlan } from './plan/describe-json.ts'
export { defineConfig, type MillraceConfig } from './server/instance/config.ts'
