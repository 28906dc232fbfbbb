/**
 * From one row of a source to records: interceptors, selector, encoding; or one dead letter.
 */
import { type FailedEvent, isFailedEvent, type Origin, type SourceEvent } from '../connector/index.ts'
import { isMillraceError, MillraceError } from '../core/errors.ts'
import { type DeadLetterStage, deadLetterOf, rowError } from './dead-letter.ts'
import { EncodedRow } from './encoded-row.ts'
import { intercept, type NamedInterceptor } from './interceptor.ts'
import type { Route, Routes } from './selector.ts'

/** What happens to a row that cannot be used. */
export type InvalidRows = 'dead-letter' | 'skip' | 'fail'

export type RowOutcome = 'records' | 'dropped' | 'dead-letter' | 'skipped'

export interface EventProcessorOptions {
  readonly agent: string
  /** The connector of the source. */
  readonly connector: string
  readonly interceptors: readonly NamedInterceptor[]
  readonly route: Route
  readonly onInvalid: InvalidRows
  /** The number of the channel for dead letters. */
  readonly deadLetterChannel: number
  readonly recordBytesMax: number
}

export class EventProcessor {
  /** What the last row became. */
  readonly row: EncodedRow
  private readonly options: EventProcessorOptions
  private readonly deadLetterRoutes: Routes
  private readonly events: SourceEvent[] = []

  constructor(options: EventProcessorOptions) {
    this.options = options
    this.row = new EncodedRow(options.recordBytesMax)
    this.deadLetterRoutes = { required: [options.deadLetterChannel], optional: [] }
  }

  /** @throws the row's error when invalid rows are to fail, and MR_INVARIANT always */
  process(item: SourceEvent | FailedEvent, unit: string): RowOutcome {
    this.row.clear()
    if (isFailedEvent(item)) return this.setAside(item.failed, 'VALUE_CONVERTER', item.origin)
    try {
      this.events.length = 0
      intercept(this.options.interceptors, item, this.events)
      for (const event of this.events) this.add(event)
    } catch (error) {
      if (isMillraceError(error, 'MR_INVARIANT')) throw error
      return this.setAside(error, 'TRANSFORMATION', item.origin ?? originOf(item, unit))
    }
    return this.row.records.length === 0 ? 'dropped' : 'records'
  }

  private add(event: SourceEvent): void {
    const routes = this.options.route(event)
    if (routes.required.length + routes.optional.length > 0) this.row.addEvent(event, routes)
  }

  private setAside(error: unknown, stage: DeadLetterStage, origin: Origin): RowOutcome {
    const { agent, connector, onInvalid, recordBytesMax } = this.options
    if (onInvalid === 'skip') return 'skipped'
    if (onInvalid === 'fail') throw located(rowError(error), origin)
    this.row.clear()
    const part = stage === 'VALUE_CONVERTER' ? connector : 'interceptors'
    const letter = deadLetterOf(origin, { error, stage, name: agent, part }, recordBytesMax)
    this.row.addBytes(letter.key, letter.value, letter.headers, this.deadLetterRoutes)
    return 'dead-letter'
  }
}

function located(error: MillraceError, origin: Origin): MillraceError {
  return new MillraceError(error.code, error.message, {
    cause: error,
    where: `${origin.file}:${origin.line}`,
    context: error.context,
    hint: "Mend the row, or let the agent put such rows aside with onInvalid: 'dead-letter'.",
  })
}

/** For an event whose source does not say where it is from: its body, and the unit. */
function originOf(event: SourceEvent, unit: string): Origin {
  const { body } = event
  const bytes =
    body instanceof Uint8Array ? body : Buffer.from(typeof body === 'string' ? body : jsonOr(body))
  return { file: unit, line: 0, bytes }
}

function jsonOr(body: object): string {
  try {
    return JSON.stringify(body) ?? ''
  } catch {
    return ''
  }
}
