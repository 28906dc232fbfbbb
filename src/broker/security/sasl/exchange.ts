/** One login by one mechanism, as the broker sees it: bytes of the client in, bytes for the client out. */

export type SaslStep =
  /** The client has to answer these bytes. */
  | { readonly kind: 'challenge'; readonly bytes: Buffer }
  | {
      readonly kind: 'done'
      readonly bytes: Buffer
      readonly user: string
      /** When the credentials expire, in milliseconds since the epoch. */
      readonly expiresMs?: number
    }
  /** The text is told to the client: it says nothing of which part was wrong. */
  | { readonly kind: 'failed'; readonly text: string }

export interface SaslExchange {
  /** Takes what the client sent; the bytes are only lent. */
  step(bytes: Buffer): SaslStep | Promise<SaslStep>
}

export const noBytes: Buffer = Buffer.alloc(0)

export const failed = (text: string): SaslStep => ({ kind: 'failed', text })
