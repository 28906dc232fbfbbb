import { formatUuid, randomUuid } from '../../platform/random.ts'
import type { Interceptor } from '../interceptor.ts'
import { withHeader } from './with-header.ts'

/** Gives each event an id of its own. After a restart, events that were not committed get other ids. */
export function uuid(
  options: {
    readonly headerName?: string
    readonly prefix?: string
    readonly preserveExisting?: boolean
  } = {},
): Interceptor {
  const { headerName: name = 'id', prefix = '', preserveExisting = true } = options
  return {
    name: 'uuid',
    open: ({ random }) => {
      return (event) =>
        withHeader(event, { name, value: prefix + formatUuid(randomUuid(random)), preserveExisting })
    },
  }
}
