import { json, type Serde } from '../core/serde.ts'
import type { Stream } from './stream.ts'

/**
 * The stream itself when its records already lie by key; else the stream read back from an internal topic
 * `<pipeline>-<name>-repartition` to which the records are written by key.
 */
export function repartitionFor<K, V>(stream: Stream<K, V>, name: string): Pick<Stream<K, V>, 'node'> {
  if (!stream.origin.rekeyed) return stream
  const node = stream.graph.add({
    kind: 'repartition',
    name: `${name}-repartition`,
    topic: `${stream.graph.pipeline}-${name}-repartition`,
    input: stream.node,
    keySerde: stream.keySerde as Serde<unknown>,
    valueSerde: json<unknown>(),
  })
  return { node }
}
