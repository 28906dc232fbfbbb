import type { Interceptor } from '../interceptor.ts'
import { bodyText } from './body-text.ts'

/** Keeps events in whose body the pattern is found, or drops them with `excludeEvents`. */
export function regexFilter(options: {
  readonly regex: RegExp
  readonly excludeEvents?: boolean
}): Interceptor {
  const { regex, excludeEvents = false } = options
  const pattern = new RegExp(regex.source, regex.flags.replaceAll(/[gy]/g, ''))
  return {
    name: 'regex_filter',
    open: () => (event) => (pattern.test(bodyText(event)) === excludeEvents ? undefined : event),
  }
}
