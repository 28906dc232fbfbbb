/** `millrace/registry`: schemas in a registry, and serdes for Avro, JSON Schema and Protobuf. */
import { nodePlatform } from '../platform/node/platform.ts'
import type { RegistryOptions as ClientOptions } from './rest/options.ts'
import { SchemaRegistry } from './rest/schema-registry.ts'

export type { TlsClientOptions } from '../platform/net.ts'
export type { RegistrySerde } from './registry-serde.ts'
export type { Compatibility, SchemaRegistry } from './rest/schema-registry.ts'
export type {
  ResolvedSchema,
  SchemaReference,
  SchemaText,
  SchemaType,
  SchemaVersion,
  StoredSchema,
} from './schema.ts'
export {
  type AvroSerdeOptions,
  avroSerde,
  type JsonSchemaSerdeOptions,
  jsonSchemaSerde,
  type ProtobufSerdeOptions,
  protobufSerde,
} from './serdes.ts'
export type { SubjectNaming, SubjectOf } from './subject-name.ts'
export { type TypedRecord, type TypedRecordsOptions, typedRecords } from './typed-consumer.ts'
export {
  type TypedProducer,
  type TypedProducerOptions,
  type TypedRecordToSend,
  typedProducer,
} from './typed-producer.ts'

export interface RegistryOptions extends Omit<ClientOptions, 'platform'> {
  /** Time, chance and network; the machine's own by default. */
  readonly platform?: ClientOptions['platform']
}

/**
 * A client of a schema registry; nothing is sent before something is asked for.
 *
 * ```ts
 * const registry = schemaRegistry({ url: 'http://localhost:8081' })
 * const orders = await avroSerde<Order>(registry, { topic: 'orders', schema })
 * ```
 * @throws MR_OPTION_INVALID
 */
export function schemaRegistry(options: RegistryOptions): SchemaRegistry {
  return new SchemaRegistry({ ...options, platform: options.platform ?? nodePlatform() })
}
