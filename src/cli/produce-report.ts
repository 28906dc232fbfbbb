/**
 * What `produce` tells: a row per record in formats for programs; for people a line for each of a few records, and a
 * table of partitions for many.
 *
 * Lines that were not stored are named in the error that ends the command, so that only those are sent again.
 */
import type { RecordMetadata } from '../client/producer/producer.ts'
import { formatDuration } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import type { Clock } from '../platform/clock.ts'
import { ChunkedOutput } from './chunked-output.ts'
import { EXIT_DATA, exitCodeOf } from './exit-code.ts'
import { LineRanges } from './line-ranges.ts'
import type { Output } from './output.ts'
import { rowLines } from './row.ts'
import type { SentLinesEvents } from './sent-lines.ts'
import { countOf, formatCount, printable } from './terminal/text.ts'

export interface ProduceReportOptions {
  readonly output: Output
  readonly clock: Clock
  /** How the input is called in errors. */
  readonly source: string
  /** A person waits for the answer to each line. */
  readonly interactive: boolean
  readonly dryRun: boolean
  /** Called when `isOver` becomes true. */
  readonly onOver: () => void
}

interface PartitionCount {
  records: number
  first: number
  last: number
}

const LINES_MAX = 10
const columns = ['topic', 'partition', 'offset', 'line']

export class ProduceReport implements SentLinesEvents {
  private readonly options: ProduceReportOptions
  private readonly chunks: ChunkedOutput
  private readonly row: ReturnType<typeof rowLines> | undefined
  private readonly startMs: number
  private readonly partitions = new Map<number, PartitionCount>()
  private readonly few: RecordMetadata[] = []
  private readonly failedLines = new LineRanges()
  private count = 0
  private firstFailure: MillraceError | undefined
  private fatal = false

  constructor(options: ProduceReportOptions) {
    const { output, clock } = options
    this.options = options
    this.chunks = new ChunkedOutput(output, clock)
    this.startMs = clock.monotonicMs()
    const { format } = output
    if (format === 'csv' || format === 'markdown') this.row = rowLines(format, columns)
    else if (format !== 'table') this.row = rowLines('jsonl', columns)
  }

  /** A failure that does not lie in its record: the next one would fail too. */
  get isOver(): boolean {
    return this.fatal
  }

  stored(line: number, place: RecordMetadata): void {
    const { topic, partition, offset } = place
    this.count++
    const { writer } = this.chunks
    if (this.row !== undefined) {
      writer.utf8(this.row({ topic, partition: knownOrNull(partition), offset: knownOrNull(offset), line }))
    } else if (this.options.interactive) writer.utf8(this.lineOf(place))
    else this.remember(place)
  }

  failed(line: number, error: MillraceError): void {
    this.firstFailure ??= error
    this.failedLines.add(line)
    if (exitCodeOf(error) === EXIT_DATA) return
    this.fatal = true
    this.options.onOver()
  }

  idle(): Promise<void> {
    return this.chunks.flush()
  }

  /** Prints what is left to say. @throws the first failure, with the lines that were not stored */
  async end(): Promise<void> {
    const { clock, dryRun, interactive, output } = this.options
    if (output.format === 'table' && !interactive) this.summarize()
    await this.chunks.flush()
    const seconds = (clock.monotonicMs() - this.startMs) / 1000
    if (dryRun) output.note(`${countOf(this.count, 'record')} would be written; nothing was`)
    else if (output.format === 'table' && this.count > LINES_MAX) {
      const rate = formatCount(this.count / seconds)
      output.note(
        `${formatCount(this.count)} records stored in ${formatDuration(seconds * 1000)} (${rate}/s)`,
      )
    }
    if (this.firstFailure !== undefined) throw this.failure(this.firstFailure)
  }

  private remember(place: RecordMetadata): void {
    if (this.few.length < LINES_MAX) this.few.push(place)
    const { partition, offset } = place
    const known = this.partitions.get(partition)
    if (known === undefined) this.partitions.set(partition, { records: 1, first: offset, last: offset })
    else {
      known.records++
      known.last = offset
    }
  }

  private summarize(): void {
    const { output } = this.options
    if (this.count <= LINES_MAX) {
      for (const place of this.few) this.chunks.writer.utf8(this.lineOf(place))
      return
    }
    const rows = [...this.partitions]
      .sort(([a], [b]) => a - b)
      .map(([partition, { records, first, last }]) => ({
        partition: knownOrNull(partition),
        records,
        first_offset: knownOrNull(first),
        last_offset: knownOrNull(last),
      }))
    output.rows(rows)
  }

  private lineOf({ topic, partition, offset }: RecordMetadata): string {
    const place = `${topic}${partition < 0 ? '' : `/${partition}`}${offset < 0 ? '' : `@${offset}`}`
    return `${printable(place)}  ${this.options.dryRun ? 'would be stored' : 'stored'}\n`
  }

  private failure(first: MillraceError): MillraceError {
    const { source } = this.options
    const failed = this.failedLines
    const all = failed.count + this.count
    const which = `${failed.count === 1 ? 'line' : 'lines'} ${failed}`
    const message =
      all === 1
        ? first.message
        : `${formatCount(failed.count)} of ${formatCount(all)} records not stored (${which}): ${first.message}`
    return new MillraceError(first.code, message, {
      where: `${source}:${failed.first}${first.where === undefined ? '' : `, ${first.where}`}`,
      ...(first.hint === undefined ? {} : { hint: first.hint }),
      context: { ...first.context, stored: this.count, failed: failed.count, lines: String(failed) },
      cause: first,
    })
  }
}

/** A broker does not tell the offset of a batch that an earlier attempt has written. */
function knownOrNull(value: number): number | null {
  return value < 0 ? null : value
}
