/** `millrace topics record`: a slice of a topic as a fixture file, which tests replay. */
import { MillraceError } from '../../core/errors.ts'
import { directoryOf, joinPath, replaceFile } from '../../platform/disk.ts'
import { formatFixture } from '../../testing/fixture/fixture.ts'
import { FIXTURE_RECORDS_MAX, recordFixture } from '../../testing/fixture/record-fixture.ts'
import { chosenPartitions, partitionNumbers } from '../chosen-partitions.ts'
import type { CommandContext } from '../command.ts'
import { parseOffsets } from '../offset-language.ts'
import { planReading } from '../read-plan.ts'
import { orAborted, timeoutMsOf, withCluster } from '../with-cluster.ts'

export async function run(context: CommandContext): Promise<void> {
  const { flags, output, platform, process: host, signal } = context
  const topic = context.arguments.one('topic')
  const to = flags.text('to')
  if (to === undefined || to === '') {
    throw new MillraceError('MR_USAGE', 'no file to record to', {
      hint: `Write millrace topics record ${topic} --to ${topic}.fixture.jsonl`,
    })
  }
  const file = to.startsWith('/') ? to : joinPath(host.cwd, to)
  if (platform.disk.exists(file) && !flags.on('yes')) {
    throw new MillraceError('MR_USAGE', 'the file is there already', {
      where: to,
      hint: 'Name another one, or replace it with --yes.',
    })
  }
  if (!platform.disk.exists(directoryOf(file)))
    throw new MillraceError('MR_FILE_NOT_FOUND', 'there is no directory for the file', { where: to })
  const range = parseOffsets(flags.text('from') ?? 'start', platform.clock.nowMs())
  const recordsMax = flags.whole('count', { min: 1 }) ?? FIXTURE_RECORDS_MAX
  await withCluster(context, async (cluster) => {
    const partitions = await orAborted(signal, chosenPartitions(cluster, [topic], partitionNumbers(flags)))
    const ranges = await orAborted(
      signal,
      planReading(cluster, partitions, { range, isolation: 'read_committed', follow: false }),
    )
    const timeoutMs = timeoutMsOf(context)
    const options = { topic, ranges, recordsMax, timeoutMs, signal }
    const records = await orAborted(signal, recordFixture({ cluster }, options))
    replaceFile(platform.disk, file, Buffer.from(formatFixture(records), 'utf8'))
    output.rows([{ topic, file: to, records: records.length }])
    const all = ranges.reduce((sum, one) => sum + Math.max(0, one.to - one.from), 0)
    if (records.length === recordsMax && all > recordsMax)
      output.note(`there are more; --count ${all} takes them all`)
  })
}
