import type { Interceptor } from '../interceptor.ts'
import { withHeader } from './with-header.ts'

/** Adds the time in ms since the epoch at which the event came through. */
export function timestamp(
  options: { readonly headerName?: string; readonly preserveExisting?: boolean } = {},
): Interceptor {
  const { headerName: name = 'timestamp', preserveExisting = false } = options
  return {
    name: 'timestamp',
    open: ({ clock }) => {
      return (event) => withHeader(event, { name, value: String(clock.nowMs()), preserveExisting })
    },
  }
}
