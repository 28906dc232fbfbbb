/** Collection and delivery: what a config file uses, and what runs it. */
export { type AgentDescription, type AgentOptions, agent, type ReplayOptions } from './agent.ts'
export type { AgentSnapshot, ChannelCount, ReplaySnapshot } from './agent-counters.ts'
export { AgentRunner, type AgentRunnerOptions } from './agent-runner.ts'
export { type Channel, topicChannel } from './channel.ts'
export { clusterTransport } from './cluster-transport.ts'
export { deadLetterHeaders } from './dead-letter.ts'
export { type DeliveryDescription, type DeliveryOptions, deliver } from './delivery.ts'
export type { DeliverySnapshot } from './delivery-counters.ts'
export type { InvalidRows } from './event-processor.ts'
export {
  type Intercepted,
  type Interceptor,
  type InterceptorContext,
  type InterceptorFunction,
  interceptor,
} from './interceptor.ts'
export * from './interceptors/index.ts'
export type { RunnerState } from './runner-state.ts'
export { byTopic, multiplexing, replicating, type Selector } from './selector.ts'
export { SinkRunner, type SinkRunnerOptions } from './sink-runner.ts'
export type { Transport } from './transport.ts'
