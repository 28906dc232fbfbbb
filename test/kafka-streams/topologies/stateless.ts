/** Operators that look at one record at a time. */
import type { ComparedTopology } from './parts.ts'
import { keeps, prefix, stream } from './parts.ts'

export const stateless: readonly ComparedTopology[] = [
  { name: 'filter', build: (app) => stream(app, 'a').filter(keeps) },
  { name: 'map', build: (app) => stream(app, 'a').map((v) => ({ key: v.slice(0, 1), value: `${v}!` })) },
  { name: 'map-values', build: (app) => stream(app, 'a').mapValues((v) => `${v}!`) },
  { name: 'select-key', build: (app) => stream(app, 'a').selectKey(prefix) },
  {
    name: 'flat-map',
    build: (app) =>
      stream(app, 'a').flatMap((v) => [
        { key: prefix(v), value: v },
        { key: v.slice(1), value: `${v}!` },
      ]),
  },
  {
    name: 'flat-map-values',
    build: (app) => stream(app, 'a').flatMapValues((v) => (keeps(v) ? [v, `${v}!`] : [])),
  },
  {
    name: 'branch',
    build(app) {
      const { kept, v, rest } = stream(app, 'a').branch(
        { kept: keeps, v: (value) => value.startsWith('v') },
        { default: 'rest' },
      )
      return kept
        .mapValues((value) => `kept ${value}`)
        .merge(v.mapValues((value) => `v ${value}`))
        .merge(rest.mapValues((value) => `rest ${value}`))
    },
  },
  {
    name: 'merge',
    shape: { topics: ['a', 'b'] },
    build: (app) =>
      stream(app, 'a')
        .mapValues((v) => `${v}!`)
        .merge(stream(app, 'b')),
  },
  {
    name: 'repartition',
    // Kafka Streams passes records without a key on.
    shape: { nullKeys: false },
    build: (app) =>
      stream(app, 'a')
        .repartition({ name: 'moved' })
        .mapValues((v) => `${v}!`),
  },
]
