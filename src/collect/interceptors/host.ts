import type { Interceptor } from '../interceptor.ts'
import { withHeader } from './with-header.ts'

/** Adds the machine on which the agent runs: its address, or its name with `useIP: false`. */
export function host(
  options: {
    readonly hostHeader?: string
    readonly useIP?: boolean
    readonly preserveExisting?: boolean
  } = {},
): Interceptor {
  const { hostHeader: name = 'host', useIP = true, preserveExisting = false } = options
  return {
    name: 'host',
    open: (context) => {
      const value = useIP ? context.host.address : context.host.name
      return (event) => withHeader(event, { name, value, preserveExisting })
    },
  }
}
