/**
 * Before anything runs: every topic that is read is there, or is made by a pipeline.
 *
 * A delivery or a table of results over a misspelt topic would otherwise wait for ever and say nothing.
 */
import { nearestName } from '../../core/did-you-mean.ts'
import { MillraceError } from '../../core/errors.ts'
import type { MillraceConfig } from './config.ts'

/** @param existing the topics that are there. @throws MR_TOPIC_UNKNOWN */
export function checkTopicsRead(config: MillraceConfig, existing: Iterable<string>, file: string): void {
  const plans = (config.pipelines ?? []).map((pipeline) => pipeline.plan())
  const parts = plans.flatMap(({ pipeline, subTopologies, deadLetterTopic, lateTopic }) =>
    subTopologies.map((part) => ({ pipeline, part, extra: [deadLetterTopic, lateTopic] })),
  )
  const made = parts.flatMap(({ part, extra }) => [...part.sinks.map(({ topic }) => topic), ...extra])
  const known = new Set([...existing, ...made])
  const check = (reader: string, topic: string): void => {
    if (!known.has(topic)) throw unknownTopic(reader, topic, known, file)
  }
  for (const { pipeline, part } of parts) {
    for (const { topic, internal } of part.sources) if (!internal) check(`pipeline "${pipeline}"`, topic)
  }
  for (const { name, topics } of config.deliveries ?? []) {
    for (const topic of topics) check(`delivery "${name}"`, topic)
  }
  for (const { topic } of config.results ?? []) check('a table of "results"', topic)
}

function unknownTopic(reader: string, topic: string, known: Iterable<string>, file: string): MillraceError {
  const nearest = nearestName(topic, known)
  const meant = nearest === undefined ? '' : `Did you mean "${nearest}"? Else `
  return new MillraceError('MR_TOPIC_UNKNOWN', `${reader} reads topic "${topic}", which does not exist`, {
    where: file,
    hint: `${meant === '' ? 'Name' : `${meant}name`} it in the configuration: topics: { '${topic}': {} }`,
    context: { topic },
  })
}
