/**
 * Records that a task could not take, and records that came too late: each kept as bytes in a topic of the pipeline,
 * with headers that say why and from where.
 *
 * Dead letters carry the header names that Kafka Streams writes (KIP-1034), so that tools for those read ours.
 */
import { ByteWriter } from '../../core/byte-writer.ts'
import { isMillraceError, MillraceError, messageOf } from '../../core/errors.ts'
import { plainJson } from '../../core/plain-json.ts'
import { type Headers, noHeaders, partitionName, textHeader } from '../../core/record.ts'
import type { EmittedRecord, LateRecord } from '../../operators/operator.ts'
import type { InvalidPolicy } from '../../plan/graph.ts'
import type { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { Waiting } from '../../state/waiting-store.ts'
import type { InvalidRecords, Lane } from './lane.ts'
import type { TopicOutput } from './task-output.ts'

const TEXT_MAX = 1000

type Stage = 'deserialise' | 'process' | 'produce'

/** A result that cannot be written to its topic: it has no bytes, or the topic would not take them. */
export class ProduceFailure extends Error {
  constructor(topic: string, cause: unknown) {
    super(`cannot be written to "${topic}": ${messageOf(cause)}`, { cause })
    this.name = 'ProduceFailure'
  }
}

/** Why a record that has waited for an answer is put aside; the operator and the attempts when that was refused. */
export interface WaitedFailure {
  readonly error: unknown
  readonly operator?: string
  readonly attempts?: number
}

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
    at: 'deserialise' | 'process',
    thrown: unknown,
    lane: Lane,
    reader: RecordBatchReader,
  ): void {
    const { stage, error } = blamed(thrown, at)
    // What passes (a schema that is being fetched) is not the record's fault: the thread comes back to it.
    if (stage === 'deserialise' && isMillraceError(error) && error.retriable) throw error
    const where = `${partitionName(lane.topic, lane.partition)}@${reader.offset}`
    if (policy === 'fail' || isMillraceError(error, 'MR_INVARIANT')) throw located(error, stage, where)
    this.badRecords++
    if (policy === 'skip') return
    const key = reader.keyStart < 0 ? null : reader.body.subarray(reader.keyStart, reader.keyEnd)
    const value = reader.valueStart < 0 ? null : reader.body.subarray(reader.valueStart, reader.valueEnd)
    const headers: Headers = [
      ...(reader.hasHeaders ? reader.headers() : noHeaders),
      ...errorHeaders(error),
      ...placeHeaders(lane.topic, lane.partition, reader.offset),
      textHeader('mr-stage', stage),
    ]
    this.deadLetters.writeBytes(reader.timestampMs, key, value, headers)
  }

  /** A record that has waited for an answer: with the bytes that it came with. */
  putWaited(policy: InvalidPolicy, waiting: Waiting, failure: WaitedFailure): void {
    const { operator, attempts } = failure
    const { stage, error } = blamed(failure.error, 'process')
    const { origin } = waiting
    const where =
      origin === undefined
        ? `operator "${operator ?? ''}"`
        : `${partitionName(origin.topic, origin.partition)}@${origin.offset}`
    if (policy === 'fail' || isMillraceError(error, 'MR_INVARIANT')) throw located(error, stage, where)
    this.badRecords++
    if (policy === 'skip') return
    const headers: Headers = [
      ...(origin?.headers ?? noHeaders),
      ...errorHeaders(error),
      ...(origin === undefined ? [] : placeHeaders(origin.topic, origin.partition, origin.offset)),
      ...(operator === undefined ? [] : [textHeader('mr-operator', operator)]),
      ...(attempts === undefined ? [] : [textHeader('mr-tries', String(attempts))]),
      textHeader('mr-stage', stage),
    ]
    if (origin !== undefined)
      this.deadLetters.writeBytes(origin.timestampMs, origin.key, origin.value, headers)
    else this.writeAsJson(this.deadLetters, waiting, headers)
  }

  /** What an operator emitted and a function below it refused: its key and value as JSON. */
  putEmitted(policy: InvalidPolicy, operator: string, record: EmittedRecord, thrown: unknown): void {
    const { stage, error } = blamed(thrown, 'process')
    if (policy === 'fail' || isMillraceError(error, 'MR_INVARIANT'))
      throw located(error, stage, `operator "${operator}"`)
    this.badRecords++
    this.writeAsJson(this.deadLetters, record, [
      ...errorHeaders(error),
      textHeader('mr-operator', operator),
      textHeader('mr-stage', stage),
    ])
  }

  putLate(record: LateRecord, streamTimeMs: number): void {
    this.lateRecords++
    this.lateByOperator.set(record.operator, (this.lateByOperator.get(record.operator) ?? 0) + 1)
    this.writeAsJson(this.late, record, [
      textHeader('mr-operator', record.operator),
      textHeader('mr-window-end', String(record.windowEndMs)),
      textHeader('mr-stream-time', String(streamTimeMs)),
    ])
  }

  private writeAsJson(to: TopicOutput, record: EmittedRecord, headers: Headers): void {
    this.key.clear()
    this.key.utf8(shownJson(record.key))
    this.value.clear()
    this.value.utf8(shownJson(record.value))
    to.writeBytes(record.timestampMs, this.key.copy(), this.value.copy(), headers)
  }
}

/** The stage at which an error came, and the error itself. */
function blamed(
  thrown: unknown,
  at: 'deserialise' | 'process',
): { readonly stage: Stage; readonly error: unknown } {
  return thrown instanceof ProduceFailure
    ? { stage: 'produce', error: thrown.cause }
    : { stage: at, error: thrown }
}

/**
 * A value for people, as JSON. What JSON cannot say is said in words, since there is nowhere else that the record could
 * go.
 */
function shownJson(value: unknown): string {
  try {
    return plainJson(value ?? null) ?? JSON.stringify(`a ${typeof value}`)
  } catch (error) {
    return JSON.stringify(`a value without a JSON form: ${messageOf(error)}`)
  }
}

/** Where a record lies that is put aside. */
function placeHeaders(topic: string, partition: number, offset: number): Headers {
  return [
    textHeader('__streams.errors.topic', topic),
    textHeader('__streams.errors.partition', String(partition)),
    textHeader('__streams.errors.offset', String(offset)),
  ]
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

function located(error: unknown, stage: Stage, where: string): MillraceError {
  if (isMillraceError(error, 'MR_INVARIANT')) return error
  if (isMillraceError(error, 'MR_RECORD_TOO_LARGE')) {
    const { code, message, hint } = error
    return new MillraceError(code, message, { cause: error, where, ...(hint === undefined ? {} : { hint }) })
  }
  const code = stage === 'process' && !isMillraceError(error) ? 'MR_FUNCTION_FAILED' : 'MR_RECORD_INVALID'
  return new MillraceError(code, messageOf(error), {
    cause: error,
    where,
    hint: "Mend the record's producer, or let the source put bad records aside with onInvalid: 'dead-letter'.",
  })
}
