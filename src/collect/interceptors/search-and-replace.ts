import type { Interceptor } from '../interceptor.ts'
import { bodyText } from './body-text.ts'

/** Replaces all matches in the body, as text; `$1` in the replacement is the first group. */
export function searchAndReplace(options: {
  readonly searchPattern: RegExp
  readonly replaceString: string
}): Interceptor {
  const { searchPattern, replaceString } = options
  const pattern = new RegExp(searchPattern.source, `${searchPattern.flags.replaceAll(/[gy]/g, '')}g`)
  return {
    name: 'search_replace',
    open: () => (event) => ({ ...event, body: bodyText(event).replace(pattern, replaceString) }),
  }
}
