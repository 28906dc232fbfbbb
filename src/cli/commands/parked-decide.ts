/** `millrace parked retry`, `dead-letter` and `skip`: what becomes of the failing record of a key, or of several. */
import { MillraceError } from '../../core/errors.ts'
import type { ParkedDecision } from '../../operators/operator.ts'
import type { CommandContext, CommandRun } from '../command.ts'
import { confirm, requireAnswers } from '../confirm.ts'
import { askConsole } from '../console-api.ts'
import { eachOf } from '../each-of.ts'
import type { Cell, OutputRow } from '../output.ts'
import { listParked, typedKey } from '../parked-keys.ts'
import { orAborted } from '../with-cluster.ts'

/** How records without a key are called among keys that are typed. */
const NO_KEY = '(no key)'

export function decide(decision: ParkedDecision): CommandRun {
  return async (context) => {
    const { flags, output, signal } = context
    const operator = context.arguments.one('operator')
    const typed = namesOf(context)
    const dryRun = flags.on('dry-run')
    const destroys = decision === 'skip' && !dryRun
    if (destroys) requireAnswers(context)
    const parked = await parkedAs(context, operator, typed)
    const row = (name: string, records: number): OutputRow => {
      return { operator, key: keyOf(name, parked) as Cell, decision, records }
    }
    if (dryRun) {
      for (const name of typed) if (!parked.has(name)) throw notParked(name, operator)
      output.rows(typed.map((name) => row(name, parked.get(name)?.length ?? 0)))
      output.note('nothing was decided')
      return
    }
    if (destroys) {
      const what = (name: string): string => `skip the failing record of key ${name} in "${operator}"`
      await confirm(
        context,
        typed.map((name) => ({ name, what: what(name) })),
      )
    }
    const rows: OutputRow[] = []
    const pipeline = flags.text('pipeline')
    const deciding = eachOf(typed, 'not decided', async (name) => {
      const key = keyOf(name, parked)
      const about = { operator, key, decision, ...(pipeline === undefined ? {} : { pipeline }) }
      const { records } = await askConsole<{ readonly records: number }>(context, '/api/parked/decide', about)
      rows.push(row(name, records))
    })
    const { failure } = await orAborted(signal, deciding)
    if (rows.length > 0) output.rows(rows)
    if (failure !== undefined) throw failure
  }
}

/** @throws MR_USAGE when nothing is named */
function namesOf({ arguments: given, flags }: CommandContext): readonly string[] {
  const names = [...new Set([...given.many('key'), ...(flags.on('without-key') ? [NO_KEY] : [])])]
  if (names.length > 0) return names
  throw new MillraceError('MR_USAGE', 'no key is named', {
    hint: 'Name keys as `millrace parked list` shows them; --without-key stands for records that have none.',
  })
}

/** The parked keys of an operator that are called so: one value each, or the same value in several tasks. */
async function parkedAs(
  context: CommandContext,
  operator: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly unknown[]>> {
  const { keys } = await listParked(context)
  const named = keys
    .filter((one) => one.operator === operator)
    .map(({ key }) => ({ key, name: key === null ? NO_KEY : typedKey(key) }))
    .filter(({ name }) => names.includes(name))
  const byName = Map.groupBy(named, ({ name }) => name)
  for (const [name, all] of byName) {
    if (new Set(all.map(({ key }) => JSON.stringify(key))).size === 1) continue
    throw new MillraceError('MR_USAGE', `several keys of "${operator}" are written ${name}`, {
      hint: 'Say which pipeline is meant with --pipeline, or POST the key as JSON to /api/parked/decide.',
    })
  }
  return new Map([...byName].map(([name, all]) => [name, all.map(({ key }) => key)]))
}

/** What is not in the list may have come since: it is text, and Millrace says if it is not parked. */
function keyOf(name: string, parked: ReadonlyMap<string, readonly unknown[]>): unknown {
  if (name === NO_KEY) return null
  return parked.has(name) ? parked.get(name)![0] : name
}

function notParked(name: string, operator: string): MillraceError {
  return new MillraceError('MR_KEY_NOT_PARKED', `key ${name} of "${operator}" is not parked`, {
    hint: '`millrace parked list` shows what is.',
  })
}
