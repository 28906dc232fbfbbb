/** What a bounded run says of the keys that it leaves parked, operator by operator. */
import { plainJson } from '../core/plain-json.ts'
import type { PipelineParkedKey } from '../runtime/parked/parked-directory.ts'
import type { ParkedKeys } from '../runtime/parked/pipeline-parked.ts'
import { formatCount, printable } from './terminal/text.ts'

const KEYS_SHOWN = 5

/** The keys that stay parked in one operator. */
export interface ParkedSummary {
  readonly pipeline: string
  readonly operator: string
  /** Keys; each record without a key counts as one. */
  readonly keys: number
  /** Records that wait, the failing ones among them. */
  readonly records: number
  /** Some of the keys as JSON, "no key" for records without one. */
  readonly shown: readonly string[]
  /** What the first of them failed with. */
  readonly error: string
}

export function parkedSummaries({ keys }: ParkedKeys<PipelineParkedKey>): ParkedSummary[] {
  const groups = Map.groupBy(keys, ({ pipeline, operator }) => JSON.stringify([pipeline, operator]))
  return [...groups.values()].map((group) => {
    const [first] = group as [PipelineParkedKey]
    return {
      pipeline: first.pipeline,
      operator: first.operator,
      keys: group.length,
      records: group.reduce((sum, { records }) => sum + records, 0),
      shown: [...new Set(group.map(({ key }) => showKey(key)))].slice(0, KEYS_SHOWN),
      error: first.error.message,
    }
  })
}

/** What can be done about them. */
export const parkedHint =
  'They wait in their stores for the next run, which tries each once at its start. To decide about one, run without ' +
  '--once and call `millrace parked retry OPERATOR KEY`, or dead-letter or skip.'

/** Lines for people; none when nothing is parked. */
export function parkedLines(parked: ParkedKeys<PipelineParkedKey>): readonly string[] {
  if (parked.total === 0) return []
  const lines = parkedSummaries(parked).map(({ pipeline, operator, keys, records, shown, error }) => {
    const names = `${shown.join(' ')}${keys > shown.length ? ' …' : ''}`
    const count = `${plural(keys, 'key')} with ${plural(records, 'record')}`
    return printable(`     ${pipeline}, ${operator}: ${count}: ${names}   ${error}`)
  })
  return [`  !  ${plural(parked.total, 'key')} left parked`, ...lines, `     ${parkedHint}`]
}

function plural(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`
}

function showKey(key: unknown): string {
  if (key === null || key === undefined) return '(no key)'
  return plainJson(key) as string
}
