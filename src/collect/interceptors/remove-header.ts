import { MillraceError } from '../../core/errors.ts'
import type { Interceptor } from '../interceptor.ts'

/** Removes headers: one by name, those of a list, or those whose whole name matches. */
export function removeHeader(options: {
  readonly withName?: string
  readonly fromList?: readonly string[]
  readonly matching?: RegExp
}): Interceptor {
  const { withName, fromList = [], matching } = options
  if (withName === undefined && fromList.length === 0 && matching === undefined) {
    throw new MillraceError('MR_OPTION_INVALID', 'interceptor "remove_header" needs to know which headers', {
      hint: 'Give withName, fromList or matching.',
    })
  }
  const names = new Set(withName === undefined ? fromList : [withName, ...fromList])
  const pattern = matching && new RegExp(`^(?:${matching.source})$`, matching.flags.replaceAll(/[gy]/g, ''))
  const goes = (name: string): boolean => names.has(name) || pattern?.test(name) === true
  return {
    name: 'remove_header',
    open: () => (event) => {
      const entries = Object.entries(event.headers)
      const kept = entries.filter(([name]) => !goes(name))
      return kept.length === entries.length ? event : { ...event, headers: Object.fromEntries(kept) }
    },
  }
}
