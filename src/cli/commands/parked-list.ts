/** `millrace parked list`: the keys whose records wait for one that fails, of a Millrace that runs here. */
import type { CommandContext } from '../command.ts'
import type { Cell } from '../output.ts'
import { listParked } from '../parked-keys.ts'

const LIMIT = 100
const columns = [
  'pipeline',
  'operator',
  'key',
  'records',
  'attempts',
  'error',
  'topic',
  'partition',
  'offset',
]

export async function run(context: CommandContext): Promise<void> {
  const { flags, output } = context
  const limit = flags.whole('limit', { min: 1, max: 10_000 }) ?? LIMIT
  const { total, keys } = await listParked(context, limit)
  const rows = keys.map(({ pipeline, operator, key, records, attempts, error, place }) => ({
    pipeline,
    operator,
    key: key as Cell,
    records,
    attempts,
    error: error.message,
    topic: place?.topic ?? null,
    partition: place?.partition ?? null,
    offset: place?.offset ?? null,
  }))
  if (rows.length > 0 || output.format !== 'table') output.rows(rows, columns)
  else output.note('no parked keys')
  if (total > rows.length) output.note(`there are more: ${total} in all; --limit takes up to 10000`)
}
