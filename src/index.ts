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
export type { Grouped, WindowedGrouped } from './dsl/grouped.ts'
export { type Pipeline, pipeline, type SourceOptions, type TableOptions } from './dsl/pipeline.ts'
export type { Stream, StreamJoinOptions, ToOptions } from './dsl/stream.ts'
export type { Table } from './dsl/table.ts'
export { session, tumbling } from './dsl/window.ts'
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
  sum,
} from './operators/aggregator.ts'
export type { Windowed } from './operators/windowed.ts'
export { defineConfig, type MillraceConfig } from './server/instance/config.ts'
