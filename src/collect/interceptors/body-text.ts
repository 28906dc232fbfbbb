import type { SourceEvent } from '../../connector/index.ts'

/** The body as text: bytes as UTF-8, objects as JSON. */
export function bodyText(event: SourceEvent): string {
  const { body } = event
  if (typeof body === 'string') return body
  if (body instanceof Uint8Array)
    return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  return JSON.stringify(body)
}
