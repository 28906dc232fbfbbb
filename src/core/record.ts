/** A record: key, value, headers, timestamp. What a topic holds and a pipeline processes. */

export interface Header {
  readonly key: string
  readonly value: Uint8Array | null
}

export type Headers = readonly Header[]

export const noHeaders: Headers = []

/** A record whose key and value are decoded. */
export interface DecodedRecord<K = unknown, V = unknown> {
  readonly key: K
  readonly value: V
  /** Milliseconds since the epoch. */
  readonly timestampMs: number
  readonly headers: Headers
}

/** A record as bytes, with its place in the log. */
export interface StoredRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: Headers
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** `departed/3`: the name of a partition in texts and maps. */
export function partitionName(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

/** The last value of the header `key` as UTF-8 text, or undefined. */
export function headerText(headers: Headers, key: string): string | undefined {
  const found = headers.findLast((header) => header.key === key)
  return found?.value ? Buffer.from(found.value).toString('utf8') : undefined
}

/** A header with a UTF-8 text. */
export function textHeader(key: string, value: string): Header {
  return { key, value: Buffer.from(value, 'utf8') }
}
