import type { Interceptor } from '../interceptor.ts'
import { withHeader } from './with-header.ts'

/** Adds the same header to every event (Flume's `static`). */
export function staticHeader(options: {
  readonly key: string
  readonly value: string
  readonly preserveExisting?: boolean
}): Interceptor {
  const { key: name, value, preserveExisting = true } = options
  return { name: 'static', open: () => (event) => withHeader(event, { name, value, preserveExisting }) }
}
