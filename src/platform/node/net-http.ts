/** One GET over HTTP, for what a broker has to look up; redirects are refused, as they may lead anywhere. */
import { MillraceError, messageOf } from '../../core/errors.ts'
import type { HttpGetOptions } from '../net.ts'

export async function httpGet(url: string, options: HttpGetOptions): Promise<Buffer> {
  const { bytesMax, timeoutMs } = options
  const failed = (why: string, cause?: unknown): MillraceError =>
    new MillraceError('MR_HTTP_FAILED', `"${url}" cannot be read: ${why}`, {
      where: url,
      hint: 'Check the address, and that its server answers.',
      retriable: true,
      ...(cause === undefined ? {} : { cause }),
    })
  const pieces: Uint8Array[] = []
  let sizeBytes = 0
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
    if (!answer.ok) throw new Error(`its status is ${answer.status}`)
    for await (const piece of answer.body ?? []) {
      sizeBytes += piece.length
      if (sizeBytes > bytesMax) throw new Error(`it has more than ${bytesMax} bytes`)
      pieces.push(piece)
    }
  } catch (error) {
    throw failed(messageOf(error), error)
  }
  return Buffer.concat(pieces)
}
