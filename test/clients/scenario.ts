/** What a scenario is: a column of the table, and what is done with a client to fill a cell of it. */
import assert from 'node:assert/strict'
import type { Driver, DriverError, DriverRecord, OpName, Ops, ReadRecord } from './driver.ts'
import type { Mechanism, Target } from './target.ts'
import type { Witness } from './witness.ts'

export type ScenarioName =
  | 'produce'
  | 'consume'
  | 'group'
  | 'next group'
  | 'restart'
  | 'gzip'
  | 'snappy'
  | 'lz4'
  | 'zstd'
  | 'headers'
  | 'nulls'
  | 'idempotent'
  | 'transactions'
  | 'read committed'
  | 'admin'
  | 'lag'
  | 'unknown topic'
  | 'too large'
  | 'login'

/** What the broker answered, in a form that is the same in every run: compared with what a real Kafka answered. */
export type Answers = Record<string, unknown>

export interface ScenarioContext {
  readonly driver: Driver
  readonly witness: Witness
  readonly target: Target
  /** The ways in which the client can log in. */
  readonly mechanisms: readonly Mechanism[]
  /** The client may not tell why a login was refused. */
  readonly losesRefusals: boolean
  /** The client cannot repeat the name of a header. */
  readonly headersOnce: boolean
  /** The client reads what its group has committed again, when partitions come back to a member. */
  readonly rereads: boolean
  /** Keeps an answer of the broker for the comparison with Kafka. */
  observe(what: string, answer: unknown): void
}

export interface Scenario {
  readonly name: ScenarioName
  /** What is true when it passes; ends the sentence "the client …". */
  readonly shows: string
  readonly restarts?: true
  /** It needs a broker with users, which only our own is. */
  readonly logsIn?: true
  run(context: ScenarioContext): Promise<void>
}

/** The records without their offsets, by partition in the order of the log. */
export function content(records: readonly (DriverRecord | ReadRecord)[]): DriverRecord[] {
  return records
    .map(({ partition, key, value, headers = [] }) => ({ partition, key, value, headers }))
    .toSorted((a, b) => a.partition - b.partition)
}

/** `count` records for each partition, with a key that names their place. */
export function someRecords(partitions: number, count: number, name = 'value'): DriverRecord[] {
  return Array.from({ length: partitions * count }, (_, at) => ({
    partition: at % partitions,
    key: `${name}-key-${at}`,
    value: `${name} ${at} ünïcode ✈`,
  }))
}

/** The call is refused; gives Kafka's name of the error as the client tells it. */
export async function refusal<O extends OpName>(
  driver: Driver,
  op: O,
  parameters: Ops[O]['parameters'],
): Promise<string | null> {
  let error: DriverError | undefined
  await assert.rejects(driver.call(op, parameters), (thrown: DriverError) => {
    assert.equal(thrown.name === 'Error' && 'kafka' in thrown, true, String(thrown))
    error = thrown
    return true
  })
  return error!.kafka
}
