/** Under which name a topic's schemas are kept (Confluent's subject name strategies). */
import { MillraceError } from '../core/errors.ts'

export interface SubjectOf {
  readonly topic: string | undefined
  readonly part: 'key' | 'value'
  /** The full name of the record, message or title; undefined where a schema has none. */
  readonly recordName: string | undefined
}

/**
 * `topic`: `orders-value`, one type of record in a topic. `record`: `shop.Order`, the same for all topics.
 * `topic-record`: `orders-shop.Order`, several types in a topic. Or a function of one's own.
 */
export type SubjectNaming = 'topic' | 'record' | 'topic-record' | ((of: SubjectOf) => string)

/** @throws MR_OPTION_INVALID when the topic or the record's name is needed and not there */
export function subjectName(naming: SubjectNaming, of: SubjectOf): string {
  if (typeof naming === 'function') return naming(of)
  const { part, recordName, topic } = of
  if (naming !== 'record' && topic === undefined)
    throw missing(naming, 'the topic', 'Give topic, or subject itself.')
  if (naming === 'topic') return `${topic}-${part}`
  if (recordName === undefined)
    throw missing(naming, 'a name in the schema', 'Name the record (a JSON Schema: title).')
  return naming === 'record' ? recordName : `${topic}-${recordName}`
}

function missing(naming: string, what: string, hint: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', `the subject's name by "${naming}" needs ${what}`, { hint })
}
