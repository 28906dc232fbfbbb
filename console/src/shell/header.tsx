/** The line on top: what runs, how it is, how fast, and whether the page follows it. */
import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import type { FlowPart } from '../../../src/server/flow.ts'
import { formatCompact, formatDuration, formatRate, formatTime } from '../format.ts'
import type { FlowSummary } from '../live/flow-model.ts'
import { connection, flow } from '../live/live.ts'
import type { LiveStatus } from '../live/live-connection.ts'
import { openHelp } from './help.tsx'
import { PartsTable } from './parts-table.tsx'

export function Header(): JSX.Element {
  const summary = flow.summary.value
  return (
    <header class="top">
      <h1>{summary?.title ?? 'Millrace'}</h1>
      {summary !== undefined && <Summary summary={summary} />}
      <span class="spring" />
      <LiveSwitch status={connection.status.value} />
      <button
        type="button"
        class="plain"
        aria-label="Keyboard help"
        title="Keyboard help (?)"
        onClick={openHelp}
      >
        ?
      </button>
    </header>
  )
}

function Summary({ summary }: { readonly summary: FlowSummary }): JSX.Element {
  const { state, uptimeMs, inPerSecond, outPerSecond, eventTimeMs, lateRecords, badRecords, parts } = summary
  return (
    <>
      <span class={`state ${state}`}>{state}</span>
      <Figure name="up" value={formatDuration(uptimeMs)} />
      <Figure name="in" value={formatRate(inPerSecond)} wide />
      <Figure name="out" value={formatRate(outPerSecond)} wide />
      {eventTimeMs !== null && <Figure name="event time" value={formatTime(eventTimeMs)} />}
      {lateRecords > 0 && <Figure name="late" value={formatCompact(lateRecords)} tone="late" />}
      {badRecords > 0 && <Figure name="bad" value={formatCompact(badRecords)} tone="bad" />}
      {parts.length > 0 && <Parts parts={parts} version={summary.version} />}
    </>
  )
}

interface FigureProps {
  readonly name: string
  readonly value: string
  readonly tone?: 'late' | 'bad'
  /** Keeps room for the widest value, so that what follows stands still. */
  readonly wide?: boolean
}

function Figure({ name, value, tone, wide }: FigureProps): JSX.Element {
  return (
    <span class={`figure ${tone ?? ''} ${wide === true ? 'wide' : ''}`}>
      <span class="name">{name}</span> <span class="value">{value}</span>
    </span>
  )
}

function Parts({
  parts,
  version,
}: {
  readonly parts: readonly FlowPart[]
  readonly version: string
}): JSX.Element {
  const details = useRef<HTMLDetailsElement>(null)
  const close = (): void => {
    if (details.current !== null) details.current.open = false
  }
  return (
    <details
      class="parts"
      ref={details}
      onFocusOut={(event) => {
        const { relatedTarget } = event
        if (!(relatedTarget instanceof Node && details.current?.contains(relatedTarget))) close()
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || details.current?.open !== true) return
        event.stopPropagation()
        close()
      }}
    >
      <summary>{parts.length === 1 ? '1 part' : `${parts.length} parts`}</summary>
      <div class="parts-list">
        <PartsTable parts={parts} />
        <p>Millrace {version}</p>
      </div>
    </details>
  )
}

const statusText: Readonly<Record<LiveStatus, string>> = {
  connecting: 'connecting…',
  live: 'live',
  reconnecting: 'reconnecting…',
  paused: 'paused',
}

function LiveSwitch({ status }: { readonly status: LiveStatus }): JSX.Element {
  return (
    <button
      type="button"
      class={`live-switch ${status}`}
      role="switch"
      aria-checked={status !== 'paused'}
      aria-label="Live"
      title={status === 'paused' ? 'Follow again (p)' : 'Pause (p)'}
      onClick={() => connection.toggle()}
    >
      <span class="dot" aria-hidden="true" />
      <span aria-live="polite">{statusText[status]}</span>
    </button>
  )
}
