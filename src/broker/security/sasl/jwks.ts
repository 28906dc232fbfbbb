/**
 * The keys that sign tokens, from a file or an address; read again when they are old, and when a token names a key
 * that is not among them, but not more often than every few seconds, whatever clients send.
 */

import { MillraceError, messageOf } from '../../../core/errors.ts'
import type { Logger } from '../../../core/logger.ts'
import { readFile } from '../../../platform/disk.ts'
import type { Platform } from '../../../platform/platform.ts'
import { keysOf, type SigningKey } from './jwt.ts'

const READ_AGAIN_MS_MIN = 10_000
const TIMEOUT_MS = 5000
const BYTES_MAX = 1 << 20

export interface KeySourceOptions {
  readonly platform: Platform
  readonly logger: Logger
  /** `http://`, `https://` or `file://`. */
  readonly url: string
  readonly refreshMs: number
}

export class KeySource {
  private readonly options: KeySourceOptions
  private keys: readonly SigningKey[] = []
  private readMs = Number.NEGATIVE_INFINITY
  private triedMs = Number.NEGATIVE_INFINITY
  private reading: Promise<void> | undefined

  constructor(options: KeySourceOptions) {
    this.options = options
  }

  /** The keys, with the one of this id if there is such a key. */
  async find(keyId: string | undefined): Promise<readonly SigningKey[]> {
    const nowMs = this.options.platform.clock.monotonicMs()
    const missing = keyId !== undefined && !this.keys.some(({ id }) => id === keyId)
    const old = nowMs - this.readMs >= this.options.refreshMs
    if ((missing || old || this.keys.length === 0) && nowMs - this.triedMs >= READ_AGAIN_MS_MIN) {
      this.triedMs = nowMs
      this.reading = this.read().finally(() => {
        this.reading = undefined
      })
    }
    await this.reading
    return this.keys
  }

  private async read(): Promise<void> {
    const { logger, platform, url } = this.options
    try {
      const bytes = url.startsWith('file://')
        ? readFile(platform.disk, decodeURIComponent(new URL(url).pathname))
        : await platform.net.httpGet(url, { timeoutMs: TIMEOUT_MS, bytesMax: BYTES_MAX })
      const keys = keysOf(bytes.toString('utf8'))
      if (keys === undefined) throw new MillraceError('MR_CONFIG_INVALID', 'it is no JSON Web Key Set')
      this.keys = keys
      this.readMs = platform.clock.monotonicMs()
    } catch (error) {
      // The keys that were read before still hold.
      logger.error({ url, error: messageOf(error) }, 'the keys that sign tokens cannot be read')
    }
  }
}
