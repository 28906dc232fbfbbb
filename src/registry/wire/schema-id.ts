/**
 * How a record says which schema it was written with (Confluent's wire format), in either of two forms:
 *
 * - in front of the payload: byte 0 and the id as 4 bytes, or byte 1 and the GUID as 16;
 * - the same bytes in the header `__key_schema_id` or `__value_schema_id`, and only the payload in the record.
 *
 * For Protobuf the path to the message within its file follows (`message-path.ts`).
 */
import { MillraceError } from '../../core/errors.ts'
import { formatUuid } from '../../platform/random.ts'

const ID_MAGIC = 0
const GUID_MAGIC = 1
const ID_BYTES = 5
const GUID_BYTES = 17

/** An id of one registry, or a GUID that is the same in all. */
export type SchemaKey = number | string

export interface SchemaMark {
  readonly key: SchemaKey
  /** Where what follows it starts. */
  readonly end: number
}

export function schemaIdHeader(part: 'key' | 'value'): string {
  return part === 'key' ? '__key_schema_id' : '__value_schema_id'
}

/** The mark of an id. */
export function idMark(id: number): Buffer {
  const mark = Buffer.alloc(ID_BYTES)
  mark.writeUInt32BE(id, 1)
  return mark
}

/** The mark of a GUID. */
export function guidMark(guid: string): Buffer {
  const hex = guid.replaceAll('-', '')
  if (!/^[0-9a-f]{32}$/i.test(hex)) throw new MillraceError('MR_SCHEMA_INVALID', `"${guid}" is not a GUID`)
  return Buffer.concat([Buffer.from([GUID_MAGIC]), Buffer.from(hex, 'hex')])
}

/** Reads a mark of either form. @throws MR_RECORD_INVALID with the position */
export function readMark(bytes: Buffer, start: number, end: number): SchemaMark {
  const magic = start < end ? bytes[start] : undefined
  if (magic === ID_MAGIC && end - start >= ID_BYTES)
    return { key: bytes.readUInt32BE(start + 1), end: start + ID_BYTES }
  if (magic === GUID_MAGIC && end - start >= GUID_BYTES) {
    return { key: formatUuid(bytes.subarray(start + 1, start + GUID_BYTES)), end: start + GUID_BYTES }
  }
  throw notMarked(magic, end - start)
}

function notMarked(magic: number | undefined, count: number): MillraceError {
  const known = magic === ID_MAGIC || magic === GUID_MAGIC
  const what =
    magic === undefined
      ? 'there is no schema id: it has 0 bytes'
      : known
        ? `the schema id is cut off: byte 0 is ${magic}, and only ${count} bytes are there`
        : `it does not begin with a schema id: byte 0 is ${magic}, not 0 or 1`
  return new MillraceError('MR_RECORD_INVALID', what, {
    hint: "Read it with a serde for its own form, such as json(), or look at what the record's producer writes.",
  })
}

/** `17`, or a GUID: for error texts. */
export const keyText = (key: SchemaKey): string => String(key)
