/** The steps of a program in our words; StreamsPrograms.java has them in its own. */
import { json, stringSerde } from '../../../src/core/serde.ts'
import { GlobalTable } from '../../../src/dsl/global-table.ts'
import { type Pipeline, pipeline } from '../../../src/dsl/pipeline.ts'
import { Stream } from '../../../src/dsl/stream.ts'
import { Table } from '../../../src/dsl/table.ts'
import { hopping, session, sliding, tumbling, type Window } from '../../../src/dsl/window.ts'
import { aggregator } from '../../../src/operators/aggregator.ts'
import type { Windowed } from '../../../src/operators/windowed.ts'
import type { Program, Step, WindowStep } from './program.ts'

type Texts = Stream<string, string>
type TextTable = Table<string, string, null>
type WindowTable = Table<Windowed<string>, string, null>
type Made = Texts | TextTable | { readonly windows: WindowTable } | GlobalTable<string, string>

const cut = (text: string): string => (text.length > 40 ? `${text.slice(0, 20)}~${text.slice(-19)}` : text)

const keepsOne = (value: string | null): boolean => {
  if (value === null || value === '') return false
  let sum = 0
  for (let at = 0; at < value.length; at++) sum += value.charCodeAt(at)
  return value.startsWith('z') || sum % 2 === 0
}
const keeping =
  (not: boolean) =>
  (value: string | null): boolean =>
    not ? value !== null && value !== '' && (value.startsWith('z') || !keepsOne(value)) : keepsOne(value)

const marked = (value: string | null): string => cut(`${value}!`)
const joined = (left: string | null, right: string | null): string => cut(`${left}+${right}`)
const prefix = (value: string | null): string => String(value).slice(0, 1)
const maybePrefix = (value: string | null): string | null =>
  value === '' || String(value).endsWith('3') ? null : prefix(value)
const keyed = ({ key }: Step) => (key === 'maybe' ? maybePrefix : prefix) as (value: string) => string
const tableValue = (value: string): string =>
  value === '' || value.endsWith('1') ? (null as never) : marked(value)

function reference(value: string): string | null {
  if (value === null) return null
  const from = value.indexOf(':')
  if (from < 0) return null
  let to = from + 1
  while (to < value.length && !'+!~,:'.includes(value[to]!)) to++
  return value.slice(from + 1, to)
}

const windowText = (w: Windowed<string>): string => `${w.key}@${w.windowStartMs}/${w.windowEndMs}`

function add(how: string, all: string, value: string): string {
  if (how === 'count') return `${Number(all) + 1}`
  if (how === 'forget' && String(value).endsWith('7')) return null as never
  return all === null ? cut(`${value}`) : cut(`${all},${value}`)
}

const start = (_how: string): string => null as never

const merged = (how: string, one: string, two: string): string =>
  one === null ? two : how === 'count' ? `${Number(one) + Number(two)}` : cut(`${one}&${two}`)

const aggregatorOf = (how: string) =>
  aggregator<string, string>({
    init: () => start(how),
    add: (all, value) => add(how, all, value),
    merge: (one, two) => merged(how, one, two),
    subtract(all, value) {
      if (how === 'count') return `${Number(all) - 1}`
      if (how === 'forget' && value.endsWith('5')) return null as never
      return cut(`${all}-${value}`)
    },
  })

const reduce = (all: string, value: string): string => cut(`${all},${value}`)

function windowOf({ kind, size, every, grace, emit }: WindowStep): Window {
  if (kind === 'session') return session(size, { grace, emit })
  if (kind === 'sliding') return sliding(size, { grace, emit })
  return every === size ? tumbling(size, { grace, emit }) : hopping(size, { every, grace, emit })
}

export function programPipeline({ steps, outputs }: Program): Pipeline {
  const app = pipeline('compared')
  const made: Made[] = []
  for (const [at, step] of steps.entries()) made.push(new StepMaker(app, made, step, `n${at}`).make())
  for (const [at, output] of outputs.entries()) streamOf(made[output]!).to(`out${at}`, { value: json() })
  return app
}

function streamOf(made: Made): Texts {
  if (made instanceof Stream) return made
  if (made instanceof Table) return made.toStream() as Texts
  if (made instanceof GlobalTable) throw new Error('a global table has no stream')
  return made.windows.toStream().map((value, w) => ({ key: windowText(w), value: value as string }))
}

class StepMaker {
  private readonly app: Pipeline
  private readonly made: readonly Made[]
  private readonly step: Step
  private readonly name: string

  constructor(app: Pipeline, made: readonly Made[], step: Step, name: string) {
    this.app = app
    this.made = made
    this.step = step
    this.name = name
  }

  make(): Made {
    const { app, step, name } = this
    const topic = step['topic'] as string
    switch (step.op) {
      case 'stream':
        return app.stream(topic, stringSerde)
      case 'table':
        return app.table(topic, stringSerde)
      case 'versioned':
        return app.table(topic, stringSerde, { history: step['history'] as number })
      case 'global':
        return app.globalTable(topic, stringSerde)
      case 'filter':
        return this.filter(keeping(step['not'] === true))
      case 'map-values':
        return this.mapValues()
      case 'map':
        return this.stream(0).map((v) => ({ key: keyed(step)(v), value: marked(v) }))
      case 'select-key':
        return this.stream(0).selectKey(keyed(step))
      case 'flat-map':
        return this.stream(0).flatMap((v) => [
          { key: prefix(v), value: v },
          { key: `${prefix(v)}2`, value: marked(v) },
        ])
      case 'flat-map-values':
        return this.stream(0).flatMapValues((v) => [String(v), marked(v)])
      case 'merge':
        return this.stream(0).merge(this.stream(1))
      case 'repartition':
        return this.stream(0).repartition({ name })
      case 'to-stream':
        return streamOf(this.in(0))
      case 'to-table':
        return this.stream(0).toTable({ name })
      case 'aggregate':
        return this.aggregate()
      case 'cogroup':
        return this.cogroup()
      case 'table-aggregate':
        return this.tableAggregate()
      case 'join':
        return this.join()
      case 'foreign-key-join':
        return step['kind'] === 'left'
          ? this.table(0).leftJoinOn(this.table(1), reference, joined, { name })
          : this.table(0).joinOn(this.table(1), reference, joined, { name })
      default:
        throw new Error(`no step ${step.op}`)
    }
  }

  private in(at: number): Made {
    return this.made[this.step.in![at]!]!
  }

  private stream(at: number): Texts {
    return this.in(at) as Texts
  }

  private table(at: number): TextTable {
    return this.in(at) as TextTable
  }

  private get stored() {
    return this.step['stored'] === true ? { store: this.name } : {}
  }

  private filter(keep: (value: string | null) => boolean): Made {
    const input = this.in(0)
    if (input instanceof Stream) return input.filter(keep)
    if (input instanceof Table) return input.filter(keep, this.stored)
    return { windows: (input as { windows: WindowTable }).windows.filter(keep) }
  }

  private mapValues(): Made {
    const input = this.in(0)
    if (input instanceof Stream) return input.mapValues((v, key) => cut(`${v}=${key}`))
    if (input instanceof Table) return input.mapValues(tableValue, this.stored)
    return { windows: (input as { windows: WindowTable }).windows.mapValues(tableValue) }
  }

  private grouped(at: number) {
    return this.step['key'] === undefined
      ? this.stream(at).groupByKey()
      : this.stream(at).groupBy(keyed(this.step))
  }

  private aggregate(): Made {
    const { name } = this
    const how = this.step['how'] as string
    const window = this.step['window'] as WindowStep | undefined
    const grouped = this.grouped(0)
    if (window === undefined)
      return (how === 'reduce'
        ? grouped.reduce(reduce, { name })
        : grouped.aggregate(aggregatorOf(how), { name })) as unknown as TextTable
    const windowed = grouped.window(windowOf(window))
    return {
      windows: (how === 'reduce'
        ? windowed.reduce(reduce, { name })
        : windowed.aggregate(aggregatorOf(how), { name })) as unknown as WindowTable,
    }
  }

  private cogroup(): Made {
    const { name } = this
    const how = this.step['how'] as string
    const window = this.step['window'] as WindowStep | undefined
    const both = this.grouped(0)
      .cogroup(
        () => start(how),
        (all: string, value) => add(how, all, value),
        { name: `${name}-one` },
      )
      .and(this.grouped(1), (all, value) => add(how, all, `${value}?`), { name: `${name}-two` })
    if (window === undefined) return both.aggregate({ name }) as unknown as TextTable
    const merge = (one: string, two: string): string => merged(how, one, two)
    return {
      windows: both.window(windowOf(window)).aggregate({ name, merge }) as unknown as WindowTable,
    }
  }

  private tableAggregate(): Made {
    const { name, step } = this
    const how = step['how'] as string
    const input = this.in(0)
    const grouped =
      input instanceof Table
        ? (input as TextTable).groupBy((v) => (v === '' ? (null as never) : keyed(step)(v)))
        : (input as { windows: WindowTable }).windows.groupBy((v, w) => (v === '' ? (null as never) : w.key))
    return (how === 'reduce'
      ? grouped.reduce(reduce, (all, value) => cut(`${all}-${value}`), { name })
      : grouped.aggregate(aggregatorOf(how) as never, { name })) as unknown as TextTable
  }

  private join(): Made {
    const { name, step } = this
    const [left, right] = [this.in(0), this.in(1)]
    const kind = step['kind'] as 'inner' | 'left' | 'outer'
    const method = kind === 'inner' ? 'join' : kind === 'left' ? 'leftJoin' : 'outerJoin'
    if (right instanceof GlobalTable) {
      const options = { on: reference as never, name }
      return kind === 'left'
        ? this.stream(0).leftJoin(right, joined, options)
        : this.stream(0).join(right, joined, options)
    }
    if (left instanceof Stream && right instanceof Stream) {
      const within = { before: step['before'] as number, after: step['after'] as number }
      const options = { name, within, grace: step['grace'] as number }
      const [one, other] = [this.stream(0), this.stream(1)]
      if (kind === 'inner') return one.join(other, joined, options)
      return kind === 'left' ? one.leftJoin(other, joined, options) : one.outerJoin(other, joined, options)
    }
    if (left instanceof Stream) {
      return kind === 'left'
        ? left.leftJoin(right as TextTable, joined, { name })
        : left.join(right as TextTable, joined, { name })
    }
    if (left instanceof Table) return (left as TextTable)[method](right as TextTable, joined, { name })
    const [one, other] = [left, right] as unknown as { readonly windows: WindowTable }[]
    return { windows: one!.windows[method](other!.windows, joined, { name }) }
  }
}
