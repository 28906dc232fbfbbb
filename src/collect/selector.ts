/**
 * Which channels an event goes to: Flume's selectors, and by the topic that the event asks for.
 *
 * Required channels get the event together or not at all. A failure of an optional one is counted and ignored. A
 * channel that is both is required. (Flume 1.10.1: ReplicatingChannelSelector, MultiplexingChannelSelector.)
 */

import type { SourceEvent } from '../connector/index.ts'
import { suggestName } from '../connector/options/index.ts'
import { MillraceError } from '../core/errors.ts'

/** Every event goes to every channel. */
export interface ReplicatingSelector {
  readonly kind: 'replicating'
  readonly optional: readonly string[]
}

/** The value of a header says which channels. */
export interface MultiplexingSelector {
  readonly kind: 'multiplexing'
  readonly header: string
  readonly mapping: Readonly<Record<string, readonly string[]>>
  readonly optional: Readonly<Record<string, readonly string[]>>
  /** For values without mapping, and events without the header. */
  readonly default: readonly string[]
}

/** The event's `topic` says which channel. An event without one goes to all, or is refused. */
export interface TopicSelector {
  readonly kind: 'topic'
  readonly withoutTopic: 'all' | 'refuse'
}

export type Selector = ReplicatingSelector | MultiplexingSelector | TopicSelector

export function replicating(options: { readonly optional?: readonly string[] } = {}): ReplicatingSelector {
  return { kind: 'replicating', optional: options.optional ?? [] }
}

type Names = string | readonly string[]

export function multiplexing(options: {
  readonly header: string
  readonly mapping: Readonly<Record<string, Names>>
  readonly optional?: Readonly<Record<string, Names>>
  readonly default?: Names
}): MultiplexingSelector {
  return {
    kind: 'multiplexing',
    header: options.header,
    mapping: listsOf(options.mapping),
    optional: listsOf(options.optional ?? {}),
    default: listOf(options.default ?? []),
  }
}

export function byTopic(): TopicSelector {
  return { kind: 'topic', withoutTopic: 'refuse' }
}

/** What an agent without a selector does: an event that names a topic goes there, any other to all channels. */
export const defaultSelector: TopicSelector = { kind: 'topic', withoutTopic: 'all' }

/** Numbers of channels. */
export interface Routes {
  readonly required: readonly number[]
  readonly optional: readonly number[]
}

export type Route = (event: SourceEvent) => Routes

/**
 * The selector as a function over the channels' topics.
 *
 * @throws MR_OPTION_INVALID when it names a channel that there is not
 */
export function compileSelector(agent: string, selector: Selector, topics: readonly string[]): Route {
  const numberOf = (topic: string): number => {
    const index = topics.indexOf(topic)
    if (index >= 0) return index
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `agent "${agent}": the selector names no channel "${topic}"`,
      {
        hint: suggestName(topic, topics),
        context: { option: 'selector' },
      },
    )
  }
  const numbersOf = (names: readonly string[]): number[] => [...new Set(names.map(numberOf))]
  if (selector.kind === 'multiplexing') return multiplexingRoute(selector, numbersOf)
  const all = topics.map((_, index) => index)
  if (selector.kind === 'topic') return topicRoute(agent, selector, topics, { required: all, optional: [] })
  const optional = numbersOf(selector.optional)
  const routes = { required: all.filter((index) => !optional.includes(index)), optional }
  return () => routes
}

function multiplexingRoute(
  selector: MultiplexingSelector,
  numbersOf: (names: readonly string[]) => readonly number[],
): Route {
  const byDefault: Routes = { required: numbersOf(selector.default), optional: [] }
  const byValue = new Map<string, Routes>()
  for (const value of new Set([...Object.keys(selector.mapping), ...Object.keys(selector.optional)])) {
    const mapped = numbersOf(ownList(selector.mapping, value))
    const required = mapped.length > 0 ? mapped : byDefault.required
    const optional = numbersOf(ownList(selector.optional, value)).filter((index) => !required.includes(index))
    byValue.set(value, { required, optional })
  }
  return (event) => {
    const value = Object.hasOwn(event.headers, selector.header) ? event.headers[selector.header]! : ''
    return (value.trim() === '' ? undefined : byValue.get(value)) ?? byDefault
  }
}

function topicRoute(agent: string, selector: TopicSelector, topics: readonly string[], all: Routes): Route {
  const byTopic = new Map(topics.map((topic, index) => [topic, { required: [index], optional: [] }]))
  return ({ topic }) => {
    if (topic === undefined && selector.withoutTopic === 'all') return all
    const routes = topic === undefined ? undefined : byTopic.get(topic)
    if (routes !== undefined) return routes
    const what =
      topic === undefined ? 'an event names no topic' : `no channel of agent "${agent}" is topic "${topic}"`
    throw new MillraceError('MR_TOPIC_UNKNOWN', what, { hint: suggestName(topic ?? '', topics) })
  }
}

function listOf(names: Names): readonly string[] {
  return typeof names === 'string' ? [names] : names
}

function listsOf(names: Readonly<Record<string, Names>>): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(names).map(([value, list]) => [value, listOf(list)]))
}

function ownList(lists: Readonly<Record<string, readonly string[]>>, value: string): readonly string[] {
  return Object.hasOwn(lists, value) ? lists[value]! : []
}
