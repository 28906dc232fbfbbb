/**
 * Takes parts of the body into headers: the groups of a pattern, in order, each through a serializer (Flume's
 * RegexExtractorInterceptor). An event without a match goes on unchanged.
 */
import { MillraceError } from '../../core/errors.ts'
import type { Interceptor } from '../interceptor.ts'
import { bodyText } from './body-text.ts'
import { parseDatePattern } from './date-pattern.ts'

export interface GroupSerializer {
  /** The header that the group becomes. */
  readonly name: string
  /** `millis`: the group is a date, which becomes ms since the epoch. */
  readonly type?: 'pass-through' | 'millis'
  /** Of `millis`: `yyyy-MM-dd HH:mm`, read as UTC. */
  readonly pattern?: string
}

/** @throws MR_OPTION_INVALID */
export function regexExtractor(options: {
  readonly regex: RegExp
  readonly serializers: readonly GroupSerializer[]
}): Interceptor {
  const { regex, serializers } = options
  const pattern = new RegExp(regex.source, regex.flags.replaceAll(/[gy]/g, ''))
  const groups = serializers.map((serializer) => ({
    name: serializer.name,
    serialize: serializerOf(serializer),
  }))
  return {
    name: 'regex_extractor',
    open: () => (event) => {
      const match = pattern.exec(bodyText(event))
      if (match === null) return event
      const added = groups.flatMap(({ name, serialize }, index) => {
        const text = match[index + 1]
        return text === undefined ? [] : [[name, serialize(text)] as const]
      })
      return { ...event, headers: Object.fromEntries([...Object.entries(event.headers), ...added]) }
    },
  }
}

function serializerOf(serializer: GroupSerializer): (text: string) => string {
  if (serializer.type !== 'millis') return (text) => text
  if (serializer.pattern === undefined) {
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `interceptor "regex_extractor": "${serializer.name}" has no pattern`,
      {
        hint: 'Give a date pattern such as yyyy-MM-dd HH:mm:ss.',
      },
    )
  }
  const parse = parseDatePattern(serializer.pattern)
  return (text) => String(parse(text))
}
