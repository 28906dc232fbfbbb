import type { AgentDescription } from './agent.ts'
import type { TopicToMake } from './transport.ts'

/** The topics of an agent by number of channel; the last is that of the dead letters. */
export function topicsOfAgent(agent: AgentDescription): readonly TopicToMake[] {
  // Events of long ago would be deleted at once by a limit of age.
  const kept = agent.replay === undefined ? {} : { 'retention.ms': '-1' }
  const channels = agent.channels.map(({ topic, partitions, config }) => {
    return { topic, ...(partitions === undefined ? {} : { partitions }), config: { ...kept, ...config } }
  })
  return [...channels, { topic: agent.deadLetters, partitions: 1, config: kept }]
}
