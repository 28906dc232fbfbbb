/** Records with their keys and values read by serdes; schemas that are not known yet are waited for. */
import { isMillraceError, MillraceError } from '../core/errors.ts'
import { type Headers, partitionName, type StoredRecord } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import { RegistrySerde } from './registry-serde.ts'
import { schemaIdHeader } from './wire/schema-id.ts'

export interface TypedRecord<K, V> {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly headers: Headers
  readonly key: K | null
  readonly value: V | null
}

export interface TypedRecordsOptions<K, V> {
  readonly key: Serde<K>
  readonly value: Serde<V>
  /**
   * What becomes of a record that cannot be read: `fail` (default) throws its error, `skip` passes it over, a function
   * may put it aside, and is waited for. Errors that pass (no registry answers) are always thrown.
   */
  readonly onInvalid?:
    | 'fail'
    | 'skip'
    | ((record: StoredRecord, error: MillraceError) => void | Promise<void>)
}

/**
 * The records of a consumer, or any others, as values.
 *
 * ```ts
 * for await (const { value } of typedRecords(consumer.records(), { key: stringSerde, value: orderSerde })) …
 * ```
 * @throws MR_RECORD_INVALID, MR_SCHEMA_UNKNOWN, MR_SCHEMA_INCOMPATIBLE, with topic/partition@offset as the place;
 *   MR_REGISTRY_UNREACHABLE, MR_TIMEOUT
 */
export async function* typedRecords<K, V>(
  records: AsyncIterable<StoredRecord> | Iterable<StoredRecord>,
  options: TypedRecordsOptions<K, V>,
): AsyncGenerator<TypedRecord<K, V>> {
  const { onInvalid = 'fail' } = options
  for await (const record of records) {
    let typed: TypedRecord<K, V>
    try {
      const key = readNow(options.key, record, 'key')
      const value = readNow(options.value, record, 'value')
      typed = {
        ...record,
        key: key === pending ? await readLater(options.key, record, 'key') : key,
        value: value === pending ? await readLater(options.value, record, 'value') : value,
      }
    } catch (error) {
      const placed = placedError(error, record)
      if (onInvalid === 'fail' || placed.retriable) throw placed
      if (onInvalid !== 'skip') await onInvalid(record, placed)
      continue
    }
    yield typed
  }
}

const pending = Symbol('the schema is not there yet')

function readNow<T>(serde: Serde<T>, record: StoredRecord, part: 'key' | 'value'): T | null | typeof pending {
  const bytes = record[part]
  if (bytes === null) return null
  const buffer = bufferOf(bytes)
  if (!(serde instanceof RegistrySerde)) return serde.read(buffer, 0, buffer.length)
  try {
    return serde.read(buffer, 0, buffer.length, markOf(record, part)) as T
  } catch (error) {
    if (isMillraceError(error, 'MR_SCHEMA_NOT_LOADED')) return pending
    throw error
  }
}

async function readLater<T>(serde: Serde<T>, record: StoredRecord, part: 'key' | 'value'): Promise<T> {
  const bytes = bufferOf(record[part]!)
  const mark = markOf(record, part)
  const loading = serde as unknown as RegistrySerde<T>
  await loading.load(bytes, mark)
  return loading.read(bytes, 0, bytes.length, mark)
}

function markOf({ headers }: StoredRecord, part: 'key' | 'value'): Uint8Array | undefined {
  if (headers.length === 0) return undefined
  const name = schemaIdHeader(part)
  return headers.findLast(({ key }) => key === name)?.value ?? undefined
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function placedError(error: unknown, { offset, partition, topic }: StoredRecord): MillraceError {
  if (!isMillraceError(error)) throw error
  return new MillraceError(error.code, error.message, {
    cause: error,
    where: `${partitionName(topic, partition)}@${offset}`,
    retriable: error.retriable,
    context: error.context,
    ...(error.hint !== undefined && { hint: error.hint }),
  })
}
