import { MillraceError } from '../core/errors.ts'
import { json, type Serde, serdeOf } from '../core/serde.ts'
import type { GraphNode } from '../plan/graph.ts'
import type { RepartitionOptions, Stream } from './stream.ts'

/**
 * The stream itself when its records already lie by key; else the stream read back from an internal topic
 * `<pipeline>-<name>-repartition` to which the records are written by key.
 */
export function repartitionFor<K, V>(stream: Stream<K, V>, name: string): Pick<Stream<K, V>, 'node'> {
  if (!stream.origin.rekeyed) return stream
  return { node: repartitionBy(stream, name, {}) }
}

/** Writes the records by key to the internal topic `<pipeline>-<name>-repartition` and reads them back. */
export function repartitionBy<K, V>(
  stream: Stream<K, V>,
  name: string,
  options: Omit<RepartitionOptions<K, V>, 'name'>,
): GraphNode {
  const { partitions } = options
  if (partitions !== undefined && !(Number.isSafeInteger(partitions) && partitions > 0)) {
    throw new MillraceError('MR_PLAN_INVALID', `"${name}" cannot have ${partitions} partitions`)
  }
  return stream.graph.add({
    kind: 'repartition',
    name: `${name}-repartition`,
    topic: `${stream.graph.pipeline}-${name}-repartition`,
    input: stream.node,
    keySerde: (options.key === undefined ? stream.keySerde : serdeOf(options.key)) as Serde<unknown>,
    valueSerde: options.value === undefined ? json<unknown>() : (serdeOf(options.value) as Serde<unknown>),
    ...(partitions === undefined ? {} : { partitions }),
  })
}
