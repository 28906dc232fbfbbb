/** What a source gives: events, and what should have been one but could not be read. */
import type { MillraceError } from '../core/errors.ts'

/** An object becomes JSON when it is written to a topic. */
export type EventBody = Uint8Array | string | object

/** As in Flume, an event is a body with text headers; it may also say where it goes. */
export interface SourceEvent<Body extends EventBody = EventBody> {
  /** Shared between events: never changed, only replaced. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Body
  /** Milliseconds since the epoch: the event's own time. */
  readonly timestampMs?: number
  /** Events of one key stay in order. Without a key any partition may take the event. */
  readonly key?: string | Uint8Array | null
  /** The topic that the event asks for. */
  readonly topic?: string
  /** From where the source has it; sources that know say so, interceptors need not keep it. */
  readonly origin?: Origin
}

/** The place of an event in its source, with the bytes from which it was made. */
export interface Origin {
  /** The file as the source names it, or what stands for a file. */
  readonly file: string
  /** Counted from 1: the line on which the event starts, or its number where there are no lines. */
  readonly line: number
  readonly bytes: Uint8Array
}

/** A part of the source that cannot be read as an event. */
export interface FailedEvent {
  readonly failed: MillraceError
  readonly origin: Origin
}

export const noEventHeaders: Readonly<Record<string, string>> = Object.freeze({})

export function isFailedEvent(event: SourceEvent | FailedEvent): event is FailedEvent {
  return 'failed' in event
}
