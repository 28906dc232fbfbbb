/**
 * Positions of agents in the compacted topic `__millrace-positions`: key `agent/<name>`, value JSON.
 *
 * The last record of a key counts. It is searched from the end of the topic backwards, in windows that grow, as it is
 * nearly always among the last ones. Only committed records count; the end is that of all records, so a transaction
 * of another agent that is still open is waited for and cannot hide an older record of this one.
 */
import type { Json } from '../connector/index.ts'
import { MillraceError, messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { partitionName } from '../core/record.ts'
import type { Clock } from '../platform/clock.ts'
import { forEachBatch } from '../protocol/record-batch/for-each-batch.ts'
import { RecordBatchReader } from '../protocol/record-batch/record-batch-reader.ts'
import type { TopicToMake, Transport, TransportConsumer } from './transport.ts'

export const POSITIONS_TOPIC = '__millrace-positions'
export const positionsTopic: TopicToMake = {
  topic: POSITIONS_TOPIC,
  partitions: 1,
  config: { 'cleanup.policy': 'compact' },
}

const PARTITION = 0
const VERSION = 1
const WINDOW_FIRST_RECORDS = 500
const WINDOW_GROWTH = 8
const POLL_WAIT_MS = 500
/** Longer than a broker lets a transaction be open. */
const WAIT_MAX_MS = 120_000

/** Where an agent stands. */
export interface AgentPosition {
  /** Goes up by one with each transaction of the agent. */
  readonly commit: number
  readonly connector: string
  /** Of the source; null before its first batch. */
  readonly source: Json
  /** The set of units that is being replayed, if one is. */
  readonly replay: ReplayPosition | null
}

export interface ReplayPosition {
  /** The units of the set, in the order of reading, with their checksums. */
  readonly units: readonly (readonly [unit: string, checksum: string])[]
  /** Stands for the records of the set and their order. */
  readonly digest: string
  /** How many of them are committed. */
  readonly played: number
}

export function positionKey(agent: string): Buffer {
  return Buffer.from(`agent/${agent}`)
}

export function encodePosition(position: AgentPosition): Buffer {
  return Buffer.from(JSON.stringify({ version: VERSION, ...position }))
}

export interface PositionLogOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly logger: Logger
}

/** The last committed position of an agent, or undefined if there is none. */
export async function readPosition(
  options: PositionLogOptions,
  agent: string,
): Promise<AgentPosition | undefined> {
  const { transport } = options
  const where = { topic: POSITIONS_TOPIC, partition: PARTITION }
  const ends = await transport.endOffsets([where])
  const consumer = transport.createConsumer({})
  try {
    const search = new PositionSearch(options, consumer, positionKey(agent))
    let to = ends.get(partitionName(POSITIONS_TOPIC, PARTITION)) ?? 0
    for (let window = WINDOW_FIRST_RECORDS; to > 0; window *= WINDOW_GROWTH) {
      const from = Math.max(0, to - window)
      const value = await search.lastWithin(from, to)
      if (value !== undefined) return decodePosition(agent, value)
      to = from
    }
    return undefined
  } finally {
    await consumer.close()
  }
}

class PositionSearch {
  private readonly options: PositionLogOptions
  private readonly consumer: TransportConsumer
  private readonly key: Buffer
  private readonly reader = new RecordBatchReader()

  constructor(options: PositionLogOptions, consumer: TransportConsumer, key: Buffer) {
    this.options = options
    this.consumer = consumer
    this.key = key
  }

  /** The last value of the key at offsets `from` to `to`. @throws MR_TIMEOUT */
  async lastWithin(from: number, to: number): Promise<Buffer | undefined> {
    const { clock, logger } = this.options
    this.consumer.assign([{ topic: POSITIONS_TOPIC, partition: PARTITION, offset: from }])
    const endMs = clock.monotonicMs() + WAIT_MAX_MS
    let found: Buffer | undefined
    for (let next = from; next < to; ) {
      const fetched = await this.consumer.poll({ maxWaitMs: POLL_WAIT_MS })
      for (const { bytes, nextOffset } of fetched) {
        found = this.lastOf(bytes, to) ?? found
        next = Math.max(next, nextOffset)
      }
      if (fetched.length > 0) continue
      if (clock.monotonicMs() > endMs) {
        throw new MillraceError('MR_TIMEOUT', `${POSITIONS_TOPIC} could not be read up to offset ${to}`, {
          where: `${partitionName(POSITIONS_TOPIC, PARTITION)}@${next}`,
          hint: 'An open transaction of another agent may be in the way; brokers end it after a while.',
        })
      }
      logger.info({ topic: POSITIONS_TOPIC, offset: next, end: to }, 'waiting for a transaction to end')
    }
    return found
  }

  private lastOf(bytes: Buffer, to: number): Buffer | undefined {
    const { reader, key } = this
    let found: Buffer | undefined
    forEachBatch(bytes, (start) => {
      reader.reset(bytes, start)
      while (reader.next()) {
        if (reader.offset >= to || reader.keyStart < 0 || reader.valueStart < 0) continue
        const same = reader.body.compare(key, 0, key.length, reader.keyStart, reader.keyEnd) === 0
        if (same) found = Buffer.from(reader.body.subarray(reader.valueStart, reader.valueEnd))
      }
    })
    return found
  }
}

function decodePosition(agent: string, value: Buffer): AgentPosition {
  const fail = (what: string): MillraceError =>
    new MillraceError('MR_SOURCE_FAILED', `the position of agent "${agent}" ${what}`, {
      where: POSITIONS_TOPIC,
      hint: 'Use the Millrace that wrote it, or give the agent another name, under which it starts anew.',
    })
  let position: AgentPosition & { readonly version?: number }
  try {
    position = JSON.parse(value.toString('utf8')) as AgentPosition
  } catch (cause) {
    throw fail(`is not JSON: ${messageOf(cause)}`)
  }
  if (position.version !== VERSION) throw fail(`has version ${position.version}, expected ${VERSION}`)
  const { commit, connector, source, replay } = position
  return { commit, connector, source, replay }
}
