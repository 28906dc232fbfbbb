/**
 * `millrace consume`: prints the records of topics.
 *
 * Without a group it reads what the offsets say and stops at the end as it was at the start, or goes on with
 * `--follow`. With a group it reads what the group assigns, and commits what stdout has taken.
 */
import { ChunkedOutput } from '../chunked-output.ts'
import type { CommandContext } from '../command.ts'
import { consumeRequest, contradiction } from '../consume-request.ts'
import { type RecordPrinter, recordFormat } from '../record-format.ts'
import { printEnvelope, rowPrinter } from '../record-printers.ts'
import { RecordStream } from '../record-stream.ts'
import { withCluster } from '../with-cluster.ts'

export async function run(context: CommandContext): Promise<void> {
  const { output, platform, signal } = context
  const request = consumeRequest(context)
  const { group, limit } = request
  const print = printerOf(context)
  const chunks = new ChunkedOutput(output, platform.clock)
  await withCluster(context, async (cluster) => {
    const stream = new RecordStream({ cluster, chunks, print, limit, signal })
    if (group === undefined) {
      const { readRanges } = await import('../read-ranges.ts')
      await readRanges(context, request, stream)
    } else {
      const { readAsMember } = await import('../read-as-member.ts')
      await readAsMember(context, { ...request, group }, stream)
    }
    await stream.flush()
    if (stream.count === 0 && !signal.aborted) output.note('no records')
  })
}

/** @throws MR_USAGE */
function printerOf({ flags, output, terminal }: CommandContext): RecordPrinter {
  const format = flags.text('format')
  if (format !== undefined && flags.on('envelope')) throw contradiction('--format', '--envelope')
  if (format !== undefined) return recordFormat(format, { harmless: terminal.out.isTerminal })
  if (flags.on('envelope')) return printEnvelope
  return rowPrinter(output.format, { out: terminal.out, verbose: flags.on('verbose') })
}
