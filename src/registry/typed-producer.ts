/** A producer of values: keys and values are written by serdes, and the schema's id goes where it is asked for. */
import type { Producer, RecordMetadata, RecordToSend } from '../client/producer/producer.ts'
import { ByteWriter } from '../core/byte-writer.ts'
import { MillraceError } from '../core/errors.ts'
import { isMany } from '../core/is-many.ts'
import { type Header, type Headers, noHeaders } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import { RegistrySerde } from './registry-serde.ts'
import { schemaIdHeader } from './wire/schema-id.ts'

export interface TypedProducerOptions<K, V> {
  readonly topic: string
  /** Keys cannot be sent without it. */
  readonly key?: Serde<K>
  readonly value: Serde<V>
  /**
   * Where the schema's identity goes: its id in front of the bytes (`prefix`, default), or its GUID in a header, which
   * leaves the bytes plain Avro, JSON or Protobuf; consumers from Confluent 8 on read that.
   */
  readonly idIn?: 'prefix' | 'header'
}

export interface TypedRecordToSend<K, V> {
  readonly key?: K | null
  /** Null deletes the key of a compacted topic. */
  readonly value: V | null
  readonly partition?: number
  readonly headers?: Headers
  readonly timestampMs?: number
}

export interface TypedProducer<K, V> {
  /** Sends a record; resolves when it is acknowledged. @throws what `Producer.send` throws; MR_RECORD_INVALID */
  send(record: TypedRecordToSend<K, V>): Promise<RecordMetadata>
  /** Sends records, in their order; none if one of them cannot be written as bytes. @throws as for one record */
  send(records: readonly TypedRecordToSend<K, V>[]): Promise<RecordMetadata[]>
  /** The record as bytes, to be sent in another way. @throws MR_RECORD_INVALID */
  encode(record: TypedRecordToSend<K, V>): RecordToSend
}

/** Any producer, or a transaction. */
type Sending = Pick<Producer, 'send'>

/**
 * A producer for one topic.
 *
 * ```ts
 * const orders = typedProducer(kafka.producer(), { topic: 'orders', key: stringSerde, value: orderSerde })
 * await orders.send({ key: 'A-17', value: { id: 'A-17', cents: 1250 } })
 * ```
 */
export function typedProducer<K, V>(
  producer: Sending,
  options: TypedProducerOptions<K, V>,
): TypedProducer<K, V> {
  const { idIn = 'prefix', key: keySerde, topic, value: valueSerde } = options
  const writer = new ByteWriter()
  const bytesOf = <T>(
    serde: Serde<T>,
    value: T,
    part: 'key' | 'value',
  ): { readonly bytes: Buffer; readonly header: Header | undefined } => {
    writer.clear()
    if (idIn === 'header' && serde instanceof RegistrySerde) {
      const mark = serde.writePayload(value, writer)
      return { bytes: writer.copy(), header: { key: schemaIdHeader(part), value: mark } }
    }
    serde.write(value, writer)
    return { bytes: writer.copy(), header: undefined }
  }
  const encode = (record: TypedRecordToSend<K, V>): RecordToSend => {
    const { headers = noHeaders, partition, timestampMs } = record
    const key =
      record.key === undefined || record.key === null
        ? undefined
        : bytesOf(keySerde ?? missingKey(topic), record.key, 'key')
    const value = record.value === null ? undefined : bytesOf(valueSerde, record.value, 'value')
    const marks = [key?.header, value?.header].filter((header) => header !== undefined)
    return {
      topic,
      key: key?.bytes ?? null,
      value: value?.bytes ?? null,
      headers: marks.length === 0 ? headers : [...headers, ...marks],
      ...(partition !== undefined && { partition }),
      ...(timestampMs !== undefined && { timestampMs }),
    }
  }
  async function send(record: TypedRecordToSend<K, V>): Promise<RecordMetadata>
  async function send(records: readonly TypedRecordToSend<K, V>[]): Promise<RecordMetadata[]>
  async function send(
    sent: TypedRecordToSend<K, V> | readonly TypedRecordToSend<K, V>[],
  ): Promise<RecordMetadata | RecordMetadata[]> {
    return isMany(sent) ? producer.send(sent.map(encode)) : producer.send(encode(sent))
  }
  return { encode, send }
}

function missingKey(topic: string): never {
  throw new MillraceError('MR_OPTION_INVALID', `there is no serde for the keys of "${topic}"`, {
    hint: 'Give key, for example stringSerde.',
  })
}
