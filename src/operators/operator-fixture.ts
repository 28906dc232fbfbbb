/**
 * Runs one operator alone: stream time is the largest timestamp so far, and time acts before the record that moved it.
 * `restart` makes the operator anew from what its stores wrote to their changelogs, as a task would after a crash
 * behind a commit.
 */
import type { ByteWriter } from '../core/byte-writer.ts'
import { invariant } from '../core/invariant.ts'
import { noHeaders } from '../core/record.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'
import type { LateRecord, Operator, OperatorSpec } from './operator.ts'

export interface Given {
  readonly key: unknown
  readonly value: unknown
  readonly timestampMs: number
}

interface Changed {
  readonly key: Buffer
  readonly value: Buffer | null
  readonly timestampMs: number
}

export class OperatorRun {
  readonly results: Given[] = []
  readonly late: LateRecord[] = []
  streamTimeMs = Number.NEGATIVE_INFINITY
  private wallClockMs = 0
  private readonly spec: OperatorSpec
  private readonly changelogs = new Map<string, Map<string, Changed>>()
  private stores = new Map<string, StateStore>()
  private operator: Operator

  constructor(spec: OperatorSpec) {
    this.spec = spec
    this.operator = this.create()
  }

  push(key: unknown, value: unknown, timestampMs: number, input = 0): void {
    this.advanceTo(timestampMs)
    this.operator.inputs[input]!.process(key, value, timestampMs)
  }

  advanceTo(timeMs: number): void {
    this.streamTimeMs = Math.max(this.streamTimeMs, timeMs)
    const { operator } = this
    if ((operator.nextDeadlineMs?.() ?? Number.POSITIVE_INFINITY) <= this.streamTimeMs)
      operator.advance?.(this.streamTimeMs)
  }

  /** The end of bounded input. */
  end(): void {
    this.streamTimeMs = Number.POSITIVE_INFINITY
    this.operator.advance?.(this.streamTimeMs)
  }

  tick(wallClockMs: number): void {
    this.wallClockMs = wallClockMs
    if ((this.operator.nextTickMs?.() ?? Number.POSITIVE_INFINITY) <= wallClockMs)
      this.operator.tick?.(wallClockMs)
  }

  /** Entries in a store by its name. */
  entryCount(store: string): number {
    return this.stores.get(store)?.entryCount ?? 0
  }

  restart(): void {
    for (const [name, store] of this.stores) this.commit(name, store)
    this.stores = new Map()
    this.operator = this.create()
  }

  private create(): Operator {
    const operator = this.spec.create(
      'operator',
      {
        streamTimeMs: () => this.streamTimeMs,
        late: (record) => this.late.push(record),
        wallClockMs: () => this.wallClockMs,
        record: { topic: 'topic', partition: 0, offset: 0, headers: noHeaders },
        store: <S extends StateStore>(spec: StoreSpec<S>): S => this.store(spec),
      },
      {
        process: (key, value, timestampMs) => {
          // Results are kept as they are now: a state may change in place later.
          this.results.push({ key, value: JSON.parse(JSON.stringify(value ?? null)), timestampMs })
        },
      },
    )
    // As in a task, stores are restored after the operators were made.
    for (const [name, store] of this.stores) this.restore(name, store)
    return operator
  }

  private store<S extends StateStore>(spec: StoreSpec<S>): S {
    const made = this.stores.get(spec.name) ?? spec.create()
    this.stores.set(spec.name, made)
    return made as S
  }

  private commit(name: string, store: StateStore): void {
    const changelog = this.changelogs.get(name) ?? new Map<string, Changed>()
    this.changelogs.set(name, changelog)
    const bytesOf = (writer: ByteWriter): Buffer => Buffer.from(writer.copy())
    store.flush({
      write(key, value, timestampMs) {
        const keyBytes = bytesOf(key)
        const text = keyBytes.toString('latin1')
        // As a compacted topic: the last value of a key, at its last place.
        changelog.delete(text)
        if (value !== null) changelog.set(text, { key: keyBytes, value: bytesOf(value), timestampMs })
      },
    })
  }

  private restore(name: string, store: StateStore): void {
    for (const { key, value, timestampMs } of this.changelogs.get(name)?.values() ?? []) {
      invariant(value !== null, 'a compacted changelog holds no deleted keys')
      const body = Buffer.concat([key, value])
      store.restore({
        body,
        keyStart: 0,
        keyEnd: key.length,
        valueStart: key.length,
        valueEnd: body.length,
        timestampMs,
      })
    }
  }
}
