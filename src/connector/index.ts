/** How a source or a sink is made: `millrace/connector`. */
export { MillraceError } from '../core/errors.ts'
export type { Logger } from '../core/logger.ts'
export type { Header, Headers, StoredRecord } from '../core/record.ts'
export type { Platform } from '../platform/platform.ts'
export {
  type EventBody,
  type FailedEvent,
  isFailedEvent,
  noEventHeaders,
  type Origin,
  type SourceEvent,
} from './event.ts'
export type { Json, JsonObject } from './json.ts'
export {
  documentOptions,
  type Option,
  type OptionDocument,
  type OptionFault,
  type OptionInputs,
  type OptionSpecs,
  type OptionValues,
  option,
} from './options/index.ts'
export { type FailedWrite, PartialWriteError } from './partial-write-error.ts'
export { resolvePath } from './resolve-path.ts'
export {
  type ConfiguredSink,
  defineSink,
  type OpenSink,
  type Sink,
  type SinkConnector,
  type SinkDefinition,
  type SinkDelivery,
} from './sink.ts'
export {
  type ConfiguredSource,
  type ConnectorSurroundings,
  defineSource,
  type OpenSource,
  type Source,
  type SourceBatch,
  type SourceConnector,
  type SourceDefinition,
} from './source.ts'
