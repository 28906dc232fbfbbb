/** A store of a pipeline in another process, asked over the API of its page. */
import type { InputPosition } from 'millrace'

export interface FoundRemotely<V> {
  /** undefined when there is none. */
  readonly value: V | undefined
  readonly position: readonly InputPosition[]
  readonly committed: boolean
}

/** Why a store did not answer: `status` is that of HTTP, 503 for "ask again". */
export class StoreRefusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** `page` is where the process has its page: `http://127.0.0.1:7070`. */
export function remoteStore<V>(page: string, store: string) {
  return {
    async get(key: string): Promise<FoundRemotely<V>> {
      const path = `/api/stores/${encodeURIComponent(store)}/keys/${encodeURIComponent(key)}`
      const response = await fetch(new URL(path, page))
      const { value, position, committed, error } = (await response.json()) as {
        readonly value?: V
        readonly position?: readonly InputPosition[]
        readonly committed?: boolean
        readonly error?: { readonly message: string }
      }
      if (position === undefined || (!response.ok && response.status !== 404))
        throw new StoreRefusal(response.status, error?.message ?? 'the store did not answer')
      return { value, position, committed: committed === true }
    },
  }
}
