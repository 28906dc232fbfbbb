/**
 * The serdes of the three types of schema. Each is made once, which loads its package, registers or looks up its schema
 * and loads those that are there; from then on it reads and writes synchronously, in pipelines too.
 */
import { type AvroFormatOptions, avroFormat } from './avro/avro-format.ts'
import { type JsonSchemaFormatOptions, jsonSchemaFormat } from './json-schema/json-schema-format.ts'
import { openSerde, type SerdeOptions } from './open-serde.ts'
import { type ProtobufFormatOptions, protobufFormat } from './protobuf/protobuf-format.ts'
import type { RegistrySerde } from './registry-serde.ts'
import type { SchemaRegistry } from './rest/schema-registry.ts'

/** A schema as a value or as its JSON text. */
type JsonText = string | boolean | object

export interface AvroSerdeOptions extends SerdeOptions, AvroFormatOptions {
  /** What is written, and what values are read as, whichever version they were written with. */
  readonly schema?: JsonText
}

export interface JsonSchemaSerdeOptions extends SerdeOptions, JsonSchemaFormatOptions {
  /** What values are checked with. */
  readonly schema?: JsonText
}

export interface ProtobufSerdeOptions extends SerdeOptions, ProtobufFormatOptions {
  /** The text of a .proto file. */
  readonly schema?: string
}

/**
 * Avro. Needs the package `avsc`.
 *
 * ```ts
 * const orders = await avroSerde<Order>(registry, { topic: 'orders', schema: orderSchema })
 * pipeline('shop').stream('orders', orders)
 * ```
 * @throws MR_DEPENDENCY_MISSING, MR_OPTION_INVALID, MR_SCHEMA_INVALID, MR_SCHEMA_INCOMPATIBLE, MR_SCHEMA_UNKNOWN,
 *   MR_REGISTRY_UNREACHABLE, MR_REGISTRY_REFUSED, MR_TIMEOUT
 */
export async function avroSerde<T>(
  registry: SchemaRegistry,
  options: AvroSerdeOptions = {},
): Promise<RegistrySerde<T>> {
  const format = await avroFormat<T>(options)
  return openSerde({ registry, format, options, schema: jsonText(options.schema) })
}

/** JSON with a schema. Needs the package `ajv`. @throws as `avroSerde` */
export async function jsonSchemaSerde<T>(
  registry: SchemaRegistry,
  options: JsonSchemaSerdeOptions = {},
): Promise<RegistrySerde<T>> {
  const format = await jsonSchemaFormat<T>(options)
  return openSerde({ registry, format, options, schema: jsonText(options.schema) })
}

/** Protobuf. Needs the package `protobufjs`. @throws as `avroSerde` */
export async function protobufSerde<T>(
  registry: SchemaRegistry,
  options: ProtobufSerdeOptions = {},
): Promise<RegistrySerde<T>> {
  const format = await protobufFormat<T>(options)
  return openSerde({ registry, format, options, schema: options.schema })
}

function jsonText(schema: JsonText | undefined): string | undefined {
  return schema === undefined || typeof schema === 'string' ? schema : JSON.stringify(schema)
}
