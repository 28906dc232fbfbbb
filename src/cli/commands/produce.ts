/**
 * `millrace produce`: each line of a file, or of the input, becomes a record.
 *
 * 1. Bytes are cut into lines; what is no UTF-8 stays as it is.
 * 2. Records are sent as fast as brokers acknowledge them: reading waits for room.
 * 3. The command ends when every record is acknowledged or has failed. A line that cannot be a record does not keep
 *    the others from being stored; a broker that does not answer does. Ctrl-C ends the input.
 */
import type { Cluster } from '../../client/cluster.ts'
import { createProducer, type RecordMetadata, type RecordToSend } from '../../client/producer/producer.ts'
import { MillraceError } from '../../core/errors.ts'
import { type Header, textHeader } from '../../core/record.ts'
import type { Platform } from '../../platform/platform.ts'
import type { CommandContext } from '../command.ts'
import { LineSplitter } from '../line-splitter.ts'
import { ProduceReport } from '../produce-report.ts'
import { SentLines } from '../sent-lines.ts'
import { orAborted, requirePartition, requireTopic, timeoutMsOf, withCluster } from '../with-cluster.ts'

interface ProduceRequest {
  readonly topic: string
  readonly file: string | undefined
  readonly key: string | undefined
  readonly keySeparator: Buffer | undefined
  readonly headers: readonly Header[]
  readonly partition: number | undefined
  readonly emptyIsNull: boolean
  readonly dryRun: boolean
}

type Send = (record: RecordToSend) => Promise<RecordMetadata>

const FILE_READ_BYTES = 64 * 1024
const NOT_KNOWN = -1

export async function run(context: CommandContext): Promise<void> {
  const { output, platform, signal, terminal } = context
  const request = produceRequest(context)
  const { dryRun, file, partition, topic } = request
  await withCluster(context, async (cluster) => {
    const info = await orAborted(signal, requireTopic(cluster, topic))
    if (partition !== undefined) requirePartition(info, partition)
    const interactive = file === undefined && terminal.input.isTerminal
    const over = new AbortController()
    const ended = AbortSignal.any([signal, over.signal])
    const report = new ProduceReport({
      output,
      clock: platform.clock,
      source: file ?? 'stdin',
      interactive,
      dryRun,
      // Who types must not have to write another line to be told.
      onOver: () => over.abort(),
    })
    const input = file === undefined ? terminal.input.bytes(ended) : fileBytes(platform, file, ended)
    if (interactive) output.note(`each line is a record for topic "${topic}"; Ctrl-D ends`)
    if (dryRun) await sendLines(input, request, pretend, report)
    else await produce(context, cluster, (send) => sendLines(input, request, send, report))
    await report.end()
  })
}

async function produce(
  context: CommandContext,
  cluster: Cluster,
  use: (send: Send) => Promise<void>,
): Promise<void> {
  const producer = createProducer(cluster, { deliveryTimeoutMs: timeoutMsOf(context) })
  try {
    await use((record) => producer.send(record))
  } finally {
    await producer.close()
  }
}

async function sendLines(
  input: AsyncIterable<Buffer>,
  request: ProduceRequest,
  send: Send,
  report: ProduceReport,
): Promise<void> {
  const splitter = new LineSplitter()
  const sent = new SentLines(report)
  let lineNumber = 0
  const add = (line: Buffer): void => {
    lineNumber++
    const record = recordOf(line, request)
    sent.add(lineNumber, record instanceof MillraceError ? Promise.reject(record) : send(record))
  }
  for await (const chunk of input) {
    splitter.push(chunk).forEach(add)
    await sent.room()
    if (report.isOver) break
  }
  const last = report.isOver ? undefined : splitter.end()
  if (last !== undefined) add(last)
  await sent.settled()
}

/** The record of a line, or why it is none. */
function recordOf(line: Buffer, request: ProduceRequest): RecordToSend | MillraceError {
  const { emptyIsNull, headers, keySeparator, partition, topic } = request
  let key: Buffer | string | null = request.key ?? null
  let value: Buffer | null = line
  if (keySeparator !== undefined) {
    const at = line.indexOf(keySeparator)
    if (at < 0) {
      return new MillraceError(
        'MR_RECORD_INVALID',
        `the line has no "${keySeparator}" between key and value`,
        {
          hint: 'Write key, separator, value; --key-separator says which separator.',
        },
      )
    }
    key = line.subarray(0, at)
    value = line.subarray(at + keySeparator.length)
  }
  if (emptyIsNull && value.length === 0) value = null
  if (emptyIsNull && key?.length === 0) key = null
  return { topic, key, value, headers, ...(partition === undefined ? {} : { partition }) }
}

/** What `--dry-run` does in place of sending. */
const pretend: Send = ({ topic, partition = NOT_KNOWN }) =>
  Promise.resolve({ topic, partition, offset: NOT_KNOWN, timestampMs: NOT_KNOWN })

/** @throws MR_FILE_NOT_FOUND, MR_DISK_FAILED */
async function* fileBytes(
  { clock, disk }: Platform,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const file = disk.open(path, 'read')
  try {
    for (let position = 0; !signal.aborted; ) {
      const bytes = Buffer.allocUnsafeSlow(FILE_READ_BYTES)
      const count = file.read(bytes, 0, FILE_READ_BYTES, position)
      if (count === 0) return
      position += count
      yield bytes.subarray(0, count)
      // Reading blocks: brokers' answers and Ctrl-C come in between.
      await clock.nextTurn()
    }
  } finally {
    file.close()
  }
}

/** @throws MR_USAGE */
function produceRequest({ arguments: given, flags }: CommandContext): ProduceRequest {
  const key = flags.text('key')
  const separator = flags.text('key-separator')
  const file = flags.text('file')
  if (key !== undefined && separator !== undefined) {
    throw new MillraceError('MR_USAGE', '--key and --key-separator do not go together', {
      hint: 'Leave one of them out: either all records have one key, or each line has its own.',
    })
  }
  if (separator === '') throw new MillraceError('MR_USAGE', 'the key separator is empty')
  return {
    topic: given.one('topic'),
    file: file === '-' ? undefined : file,
    key,
    keySeparator: separator === undefined ? undefined : Buffer.from(separator),
    headers: flags.texts('header').map(headerOf),
    partition: flags.whole('partition'),
    emptyIsNull: flags.on('null'),
    dryRun: flags.on('dry-run'),
  }
}

function headerOf(text: string): Header {
  const at = text.indexOf('=')
  if (at > 0) return textHeader(text.slice(0, at), text.slice(at + 1))
  throw new MillraceError('MR_USAGE', `"${text}" is not a header`, { hint: 'Write --header NAME=VALUE.' })
}
