/**
 * Producer snapshots: the states of all producers as of an offset, in Kafka's format version 1.
 *
 * version int16 | crc uint32 (CRC-32C of what follows) | count int32 | entries of
 * producerId int64, epoch int16, lastSequence int32, lastOffset int64, offsetDelta int32, timestamp int64,
 * coordinatorEpoch int32, currentTxnFirstOffset int64 (-1 for none)
 *
 * Kafka writes one entry per producer, with its last batch only. Here a producer has an entry per known batch,
 * oldest first: who reads an entry as a replacement of those before it (Kafka does) ends with the last one, and
 * we know the older batches again, which a retry after a restart may repeat.
 */
import { crc32c } from '../core/crc32c.ts'
import {
  readInt16,
  readInt32,
  readInt64,
  writeInt16,
  writeInt32,
  writeInt64,
} from '../core/integer-fields.ts'
import { type ProducerBatch, ProducerEntry } from './producer-entry.ts'

const VERSION = 1
const HEADER_BYTES = 10
const CRC_AT = 2
const CRC_FROM = 6
const ENTRY_BYTES = 46

const noBatch: ProducerBatch = { lastSequence: -1, lastOffset: -1, offsetDelta: 0, timestampMs: -1 }

export function encodeSnapshot(entries: Iterable<ProducerEntry>): Buffer {
  const rows: { readonly entry: ProducerEntry; readonly batch: ProducerBatch; readonly last: boolean }[] = []
  for (const entry of entries) {
    const batches = entry.batches.length === 0 ? [noBatch] : entry.batches
    batches.forEach((batch, number) => {
      rows.push({ entry, batch, last: number === batches.length - 1 })
    })
  }
  const bytes = Buffer.alloc(HEADER_BYTES + rows.length * ENTRY_BYTES)
  writeInt16(bytes, 0, VERSION)
  writeInt32(bytes, 6, rows.length)
  rows.forEach(({ entry, batch, last }, number) => {
    const at = HEADER_BYTES + number * ENTRY_BYTES
    writeInt64(bytes, at, entry.producerId)
    writeInt16(bytes, at + 8, entry.producerEpoch)
    writeInt32(bytes, at + 10, batch.lastSequence)
    writeInt64(bytes, at + 14, batch.lastOffset)
    writeInt32(bytes, at + 22, batch.offsetDelta)
    writeInt64(bytes, at + 26, last ? entry.lastTimestampMs : batch.timestampMs)
    writeInt32(bytes, at + 34, entry.coordinatorEpoch)
    writeInt64(bytes, at + 38, last ? entry.transactionFirstOffset : -1)
  })
  writeInt32(bytes, CRC_AT, crc32c(bytes, CRC_FROM) | 0)
  return bytes
}

/** The states in a snapshot, or the reason why it is not usable. */
export function decodeSnapshot(bytes: Buffer): readonly ProducerEntry[] | string {
  if (bytes.length < HEADER_BYTES) return `it has ${bytes.length} bytes`
  if (readInt16(bytes, 0) !== VERSION) return `its version ${readInt16(bytes, 0)} is not ${VERSION}`
  if (crc32c(bytes, CRC_FROM) !== readInt32(bytes, CRC_AT) >>> 0) return 'it does not match its checksum'
  const count = readInt32(bytes, 6)
  if (bytes.length !== HEADER_BYTES + count * ENTRY_BYTES) return `${count} entries do not fit its size`
  const entries = new Map<number, ProducerEntry>()
  for (let at = HEADER_BYTES; at < bytes.length; at += ENTRY_BYTES) {
    const producerId = readInt64(bytes, at)
    let entry = entries.get(producerId)
    if (entry === undefined) {
      entry = new ProducerEntry(producerId)
      entries.set(producerId, entry)
    }
    const producerEpoch = readInt16(bytes, at + 8)
    const lastOffset = readInt64(bytes, at + 14)
    const timestampMs = readInt64(bytes, at + 26)
    entry.moveToEpoch(producerEpoch)
    if (lastOffset >= 0) {
      const lastSequence = readInt32(bytes, at + 10)
      entry.addBatch(producerEpoch, {
        lastSequence,
        lastOffset,
        offsetDelta: readInt32(bytes, at + 22),
        timestampMs,
      })
    }
    entry.lastTimestampMs = timestampMs
    entry.coordinatorEpoch = readInt32(bytes, at + 34)
    entry.transactionFirstOffset = readInt64(bytes, at + 38)
  }
  return [...entries.values()]
}
