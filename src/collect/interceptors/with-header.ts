import type { SourceEvent } from '../../connector/index.ts'

/** The event with one more header; one that is there is kept if `preserveExisting`. */
export function withHeader(
  event: SourceEvent,
  header: { readonly name: string; readonly value: string; readonly preserveExisting: boolean },
): SourceEvent {
  const { name, value, preserveExisting } = header
  if (preserveExisting && Object.hasOwn(event.headers, name)) return event
  const headers = Object.fromEntries([...Object.entries(event.headers), [name, value]])
  return { ...event, headers }
}
