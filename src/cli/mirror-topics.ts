import type { TopicDescription } from '../client/admin/topics.ts'
import { isInternalTopic } from '../client/mirror/mirror-names.ts'
import { MillraceError } from '../core/errors.ts'
import { topicUnknown } from './with-cluster.ts'

/**
 * The topics that names and patterns stand for, in the order of their names; without any, all that are not internal.
 * In a pattern `*` stands for any text; internal topics have to be named in full.
 *
 * @throws MR_TOPIC_UNKNOWN
 */
export function chosenTopics(
  given: readonly string[],
  known: readonly TopicDescription[],
): readonly string[] {
  const offered = known.filter((one) => !isInternalTopic(one)).map(({ topic }) => topic)
  if (given.length === 0) return offered
  const names = known.map(({ topic }) => topic)
  const chosen = new Set<string>()
  for (const text of given) {
    const isPattern = text.includes('*')
    const found = isPattern ? offered.filter(matches(text)) : names.filter((name) => name === text)
    if (found.length === 0) throw isPattern ? noMatch(text) : topicUnknown(text, names)
    for (const name of found) chosen.add(name)
  }
  return [...chosen].sort()
}

function matches(pattern: string): (name: string) => boolean {
  const literal = pattern.split('*').map((text) => text.replaceAll(/[.\\^$+?()[\]{}|]/g, '\\$&'))
  const whole = new RegExp(`^${literal.join('.*')}$`)
  return (name) => whole.test(name)
}

function noMatch(pattern: string): MillraceError {
  return new MillraceError('MR_TOPIC_UNKNOWN', `no topic matches "${pattern}"`, {
    hint: '`millrace topics list` shows what there is.',
    context: { pattern },
  })
}
