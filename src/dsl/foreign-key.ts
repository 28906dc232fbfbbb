/** Joins of two tables where the values of one name keys of the other. */
import { json, type Serde } from '../core/serde.ts'
import {
  foreignKeyAloneOperator,
  foreignKeyJoinOperator,
  foreignKeyNamedOperator,
  foreignKeyResultOperator,
  foreignKeyRowsOperator,
  foreignKeySubscribeOperator,
} from '../operators/foreign-key-join.ts'
import type { Joiner } from '../operators/stream-table-join.ts'
import type { GraphNode, OperatorNode } from '../plan/graph.ts'
import type { NameOption } from './stream.ts'
import { type AnyTable, Table } from './table.ts'

export interface ForeignKeyJoin<K, V, F> {
  readonly left: boolean
  readonly keyOf: (value: V, key: K) => F | null
  readonly joiner: Joiner
  readonly options: NameOption
}

export function joinByForeignKey<K, V, F, R>(
  table: Table<K, V, null> | Table<K, V>,
  other: AnyTable,
  join: ForeignKeyJoin<K, V, F>,
): Table<K, R, null> {
  const { graph } = table
  const { left, joiner } = join
  const name = join.options.name ?? `${table.sourceName}-${other.sourceName}-join`
  const keySerde = table.keySerde as Serde<unknown>
  const foreignKeySerde = other.keySerde as Serde<unknown>
  table.tellBefore(true)

  const operator = (suffix: string, spec: OperatorNode['spec'], inputs: GraphNode[]): GraphNode =>
    graph.add({ kind: 'operator', name: `${name}${suffix}`, spec, inputs })
  const through = (suffix: string, input: GraphNode, serde: Serde<unknown>): GraphNode =>
    graph.add({
      kind: 'repartition',
      name: `${name}${suffix}-repartition`,
      topic: `${graph.pipeline}-${name}${suffix}-repartition`,
      input,
      keySerde: serde,
      valueSerde: json<unknown>(),
    })

  const keyOf = join.keyOf as (value: unknown, key: unknown) => unknown
  const asked = operator(
    '-subscribe',
    foreignKeySubscribeOperator({ left, joiner, keyOf, store: `${name}-versions` }),
    [table.node],
  )
  const named = operator('-named', foreignKeyNamedOperator(), [asked])
  const subscriptions = through('-subscriptions', named, foreignKeySerde)
  const rows = through('-rows', operator('-row', foreignKeyRowsOperator(), [other.node]), foreignKeySerde)
  const stores = { subscriptionStore: `${name}-subscriptions`, rowStore: `${name}-rows` }
  const answered = operator(
    '-answer',
    foreignKeyJoinOperator({ left, joiner, foreignKeySerde, keySerde, ...stores }),
    [subscriptions, rows],
  )
  const answers = [through('-answers', answered, keySerde)]
  if (left) {
    const alone = operator('-alone', foreignKeyAloneOperator({ left, joiner }), [asked])
    answers.push(through('-alone', alone, keySerde))
  }
  const inputCount = answers.length
  const spec = foreignKeyResultOperator({ store: `${name}-answered`, keySerde, inputCount })
  const result = operator('', spec, answers)
  return new Table<K, R, null>(graph, result, table.keySerde, name, undefined)
}
