/** Kafka's ids of topics and directories: 16 bytes, shown to people as base64url without padding. */
import { MillraceError } from '../core/errors.ts'

export { zeroUuid } from './schema/defaults.ts'

/** `AAAAAAAAAAAAAAAAAAAAAA` for the zero uuid: 22 characters. Also serves as the key of a Map. */
export function formatUuid(uuid: Uint8Array): string {
  return Buffer.from(uuid.buffer, uuid.byteOffset, uuid.byteLength).toString('base64url')
}

/** @throws MR_BYTES_INVALID when `text` is not 22 characters of base64url */
export function parseUuid(text: string): Buffer {
  const bytes = /^[A-Za-z0-9_-]{22}$/.test(text) ? Buffer.from(text, 'base64url') : undefined
  // The last character carries 2 bits of the id; other characters would name the same id a second time.
  if (bytes === undefined || bytes.toString('base64url') !== text) {
    throw new MillraceError('MR_BYTES_INVALID', `"${text}" is not a uuid of 22 base64url characters`)
  }
  return bytes
}

export function isZeroUuid(uuid: Uint8Array): boolean {
  return uuid.every((byte) => byte === 0)
}
