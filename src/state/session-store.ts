/**
 * Sessions per key, in memory. A key has few open sessions; they are kept sorted by start and never overlap.
 *
 * Changelog: key bytes, end and start as 8 bytes each (the order of Kafka Streams' session keys) → state bytes.
 */
import { readInt64 } from '../core/integer-fields.ts'
import type { Serde } from '../core/serde.ts'
import { Changes, type Tracked } from './changes.ts'
import { restoring } from './scratch.ts'
import {
  type ChangelogRecord,
  type ChangelogWriter,
  mapKeyOf,
  type StateStore,
  type StoreSpec,
} from './store.ts'

/** One session: both ends are timestamps of records. */
export interface Session<K, S> {
  readonly key: K
  readonly startMs: number
  readonly endMs: number
  readonly state: S
  readonly slot: SessionSlot<K, S>
}

/** What stays the same while a session grows: it points to the session as it is now; undefined once it is gone. */
export interface SessionSlot<K, S> {
  session: Session<K, S> | undefined
}

interface Stored<K, S> extends Session<K, S>, Tracked {}

export class SessionStore<K, S> implements StateStore {
  readonly name: string
  private readonly keySerde: Serde<K>
  private readonly stateSerde: Serde<S>
  private readonly byKey = new Map<string | number, Stored<K, S>[]>()
  private readonly changes: Changes<Stored<K, S>>
  private count = 0

  constructor(name: string, keySerde: Serde<K>, stateSerde: Serde<S>) {
    this.name = name
    this.keySerde = keySerde
    this.stateSerde = stateSerde
    this.changes = new Changes({
      key: ({ key, startMs, endMs }, into) => {
        keySerde.write(key, into)
        into.int64Number(endMs)
        into.int64Number(startMs)
      },
      value: ({ state }, into) => stateSerde.write(state, into),
      timestampMs: ({ endMs }) => endMs,
    })
  }

  get entryCount(): number {
    return this.count
  }

  /** The key's sessions that touch `fromMs` to `toMs`, both included, oldest first. */
  overlapping(key: K, fromMs: number, toMs: number): readonly Session<K, S>[] {
    const sessions = this.byKey.get(mapKeyOf(key))
    if (sessions === undefined) return []
    return sessions.filter((session) => session.endMs >= fromMs && session.startMs <= toMs)
  }

  /** Adds a session; `slot` is that of a session which it continues. */
  put(key: K, startMs: number, endMs: number, state: S, slot: SessionSlot<K, S>): Session<K, S> {
    const session = { key, startMs, endMs, state, slot, dirty: false, removed: false, persisted: false }
    this.changes.note(session)
    this.insert(session)
    return session
  }

  remove(session: Session<K, S>): void {
    const stored = session as Stored<K, S>
    if (this.unlink(stored)) this.changes.note(stored)
  }

  *all(): Generator<Session<K, S>> {
    for (const sessions of this.byKey.values()) yield* sessions
  }

  flush(changelog: ChangelogWriter): number {
    return this.changes.flush(changelog)
  }

  restore(record: ChangelogRecord): void {
    restoring(this.name, record, 16, () => {
      const key = this.keySerde.read(record.body, record.keyStart, record.keyEnd - 16)
      const endMs = readInt64(record.body, record.keyEnd - 16)
      const startMs = readInt64(record.body, record.keyEnd - 8)
      const before = this.byKey.get(mapKeyOf(key))?.find((s) => s.startMs === startMs && s.endMs === endMs)
      if (before !== undefined) this.unlink(before)
      if (record.valueStart < 0) return
      const state = this.stateSerde.read(record.body, record.valueStart, record.valueEnd)
      const slot = { session: undefined }
      this.insert({ key, startMs, endMs, state, slot, dirty: false, removed: false, persisted: true })
    })
  }

  /** False when it is not held any more. */
  private unlink(stored: Stored<K, S>): boolean {
    const mapKey = mapKeyOf(stored.key)
    const sessions = this.byKey.get(mapKey)
    const at = sessions?.indexOf(stored) ?? -1
    if (sessions === undefined || at < 0) return false
    if (sessions.length === 1) this.byKey.delete(mapKey)
    else sessions.splice(at, 1)
    this.count--
    stored.slot.session = undefined
    stored.removed = true
    return true
  }

  private insert(session: Stored<K, S>): void {
    session.slot.session = session
    const mapKey = mapKeyOf(session.key)
    const sessions = this.byKey.get(mapKey)
    this.count++
    if (sessions === undefined) {
      this.byKey.set(mapKey, [session])
      return
    }
    let at = sessions.length
    while (at > 0 && sessions[at - 1]!.startMs > session.startMs) at--
    sessions.splice(at, 0, session)
  }
}

export function sessionStore<K, S>(
  name: string,
  keySerde: Serde<K>,
  stateSerde: Serde<S>,
): StoreSpec<SessionStore<K, S>> {
  return { name, kind: 'session', create: () => new SessionStore(name, keySerde, stateSerde) }
}
