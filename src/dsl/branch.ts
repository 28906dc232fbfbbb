/** Splitting a stream: into named branches, and over several topics. */
import { MillraceError } from '../core/errors.ts'
import { branchOperator } from '../operators/branch.ts'
import type { OperatorSpec, RecordFunction, RecordMetadata } from '../operators/operator.ts'
import { portOperator } from '../operators/port.ts'
import { routeOperator } from '../operators/route.ts'
import type { OperatorNode } from '../plan/graph.ts'
import { type NameOption, Stream } from './stream.ts'

/** What decides whether a record belongs to a branch. A type guard narrows the branch's type. */
export type BranchConditions<K, V> = Readonly<
  Record<string, (value: V, key: K, record: RecordMetadata) => boolean>
>

export interface BranchOptions<D extends string> extends NameOption {
  /** The branch of the records that meet no condition; without it they are dropped. */
  readonly default?: D
}

/** `{ large: (o) => o.cents > 1000 }` gives `{ large: Stream<K, V> }`, and the default branch beside it. */
export type Branches<K, V, B, D extends string> = B extends infer Each
  ? {
      readonly [Name in keyof Each | D]: Name extends keyof Each
        ? Each[Name] extends Guard<K, V, infer W>
          ? Stream<K, W>
          : Stream<K, V>
        : Stream<K, V>
    }
  : never

type Guard<K, V, W extends V> = (value: V, key: K, record: RecordMetadata) => value is W

/** The branches of a stream as streams of their own. */
export function branchStream<K, V>(
  stream: Stream<K, V>,
  conditions: BranchConditions<K, V>,
  options: BranchOptions<string>,
): Record<string, Stream<K, V>> {
  const names = Object.keys(conditions)
  if (names.some((name) => String(Number(name)) === name)) {
    throw new MillraceError('MR_PLAN_INVALID', 'a branch is named by a number', {
      hint: 'JavaScript would put it before the others, and the first branch that fits takes the record: use words.',
    })
  }
  const spec = branchOperator(
    Object.values(conditions) as RecordFunction<boolean>[],
    options.default !== undefined,
  )
  const all = options.default === undefined ? names : [...names, options.default]
  const streams = splitBy(stream, 'branch', spec, options.name, all)
  return Object.fromEntries(all.map((name, at) => [name, streams[at]!]))
}

/** One stream per topic that `topicOf` may answer. */
export function routeStream<K, V>(
  stream: Stream<K, V>,
  topics: readonly string[],
  topicOf: (value: V, key: K, record: RecordMetadata) => string,
): Stream<K, V>[] {
  if (topics.length === 0) {
    throw new MillraceError('MR_PLAN_INVALID', 'to() chooses among no topics', {
      hint: "Name every topic that the function may answer: to(topicOf, { topics: ['a', 'b'] }).",
    })
  }
  return splitBy(stream, 'route', routeOperator(topics, topicOf as RecordFunction<string>), undefined, topics)
}

/** An operator with ports, and below it a stream per port, named `<operator>-<port>`. */
function splitBy<K, V>(
  stream: Stream<K, V>,
  kind: string,
  spec: OperatorSpec,
  givenName: string | undefined,
  ports: readonly string[],
): Stream<K, V>[] {
  const { graph, keySerde, origin } = stream
  const name = givenName ?? graph.sequenceName(kind)
  const node: OperatorNode = graph.add({ kind: 'operator', name, spec, inputs: [stream.node] })
  return ports.map((port, at) => {
    const output: OperatorNode = graph.add({
      kind: 'operator',
      name: `${name}-${port}`,
      spec: portOperator(kind, at),
      inputs: [node],
    })
    return new Stream(graph, output, keySerde, origin)
  })
}
