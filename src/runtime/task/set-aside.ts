/**
 * Records that a task could not take, and records that came too late: each kept as bytes in a topic of the pipeline,
 * with headers that say why and from where.
 *
 * Dead letters carry the header names that Kafka Streams writes (KIP-1034), so that tools for those read ours.
 */
import { ByteWriter } from '../../core/byte-writer.ts'
import { isMillraceError, MillraceError, messageOf } from '../../core/errors.ts'
import { type Headers, noHeaders, partitionName, textHeader } from '../../core/record.ts'
import { json } from '../../core/serde.ts'
import type { LateRecord } from '../../operators/operator.ts'
import type { InvalidPolicy } from '../../plan/graph.ts'
import type { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { InvalidRecords, Lane } from './lane.ts'
import type { EmittedRecord } from './task-operators.ts'
import type { TopicOutput } from './task-output.ts'

const TEXT_MAX = 1000

export class SetAside implements InvalidRecords {
  badRecords = 0
  lateRecords = 0
  readonly lateByOperator = new Map<string, number>()
  private readonly deadLetters: TopicOutput
  private readonly late: TopicOutput
  private readonly key = new ByteWriter()
  private readonly value = new ByteWriter()

  constructor(deadLetters: TopicOutput, late: TopicOutput) {
    this.deadLetters = deadLetters
    this.late = late
  }

  put(
    policy: InvalidPolicy,
    stage: 'deserialise' | 'process',
    error: unknown,
    lane: Lane,
    reader: RecordBatchReader,
  ): void {
    const where = `${partitionName(lane.topic, lane.partition)}@${reader.offset}`
    if (policy === 'fail' || isMillraceError(error, 'MR_INVARIANT')) throw located(error, stage, where)
    this.badRecords++
    if (policy === 'skip') return
    const key = reader.keyStart < 0 ? null : reader.body.subarray(reader.keyStart, reader.keyEnd)
    const value = reader.valueStart < 0 ? null : reader.body.subarray(reader.valueStart, reader.valueEnd)
    const headers: Headers = [
      ...(reader.hasHeaders ? reader.headers() : noHeaders),
      ...errorHeaders(error),
      textHeader('__streams.errors.topic', lane.topic),
      textHeader('__streams.errors.partition', String(lane.partition)),
      textHeader('__streams.errors.offset', String(reader.offset)),
      textHeader('mr-stage', stage),
    ]
    this.deadLetters.writeBytes(reader.timestampMs, key, value, headers)
  }

  /** What an operator emitted and a function below it refused: its key and value as JSON. */
  putEmitted(policy: InvalidPolicy, operator: string, record: EmittedRecord, error: unknown): void {
    if (policy === 'fail' || isMillraceError(error, 'MR_INVARIANT'))
      throw located(error, 'process', `operator "${operator}"`)
    this.badRecords++
    this.key.clear()
    json<unknown>().write(record.key, this.key)
    this.value.clear()
    json<unknown>().write(record.value, this.value)
    this.deadLetters.writeBytes(record.timestampMs, this.key.copy(), this.value.copy(), [
      ...errorHeaders(error),
      textHeader('mr-operator', operator),
      textHeader('mr-stage', 'process'),
    ])
  }

  putLate(record: LateRecord, streamTimeMs: number): void {
    this.lateRecords++
    this.lateByOperator.set(record.operator, (this.lateByOperator.get(record.operator) ?? 0) + 1)
    this.key.clear()
    json<unknown>().write(record.key, this.key)
    this.value.clear()
    json<unknown>().write(record.value, this.value)
    this.late.writeBytes(record.timestampMs, this.key.copy(), this.value.copy(), [
      textHeader('mr-operator', record.operator),
      textHeader('mr-window-end', String(record.windowEndMs)),
      textHeader('mr-stream-time', String(streamTimeMs)),
    ])
  }
}

function errorHeaders(error: unknown): Headers {
  return [
    textHeader('__streams.errors.exception', isMillraceError(error) ? error.code : nameOf(error)),
    textHeader('__streams.errors.message', messageOf(error).slice(0, TEXT_MAX)),
  ]
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}

function located(error: unknown, stage: string, where: string): MillraceError {
  if (isMillraceError(error, 'MR_INVARIANT')) return error
  const code = stage === 'process' && !isMillraceError(error) ? 'MR_FUNCTION_FAILED' : 'MR_RECORD_INVALID'
  return new MillraceError(code, messageOf(error), {
    cause: error,
    where,
    hint: "Mend the record's producer, or let the source put bad records aside with onInvalid: 'dead-letter'.",
  })
}
