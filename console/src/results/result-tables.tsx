/** The latest rows of the result topics: one tab for each. */
import { type ReadonlySignal, useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { ResultCell, ResultColumn, ResultTable } from '../../../src/server/flow.ts'
import { formatCount, formatTime, numberFormat, timePrecision } from '../format.ts'
import { addKeys } from '../shell/keyboard.ts'
import { route, setParameter } from '../shell/route.ts'

/** More rows are not put into the page, however many the server sends. */
const ROWS_SHOWN_MAX = 200

export function ResultTables({
  tables,
}: {
  readonly tables: ReadonlySignal<readonly ResultTable[]>
}): JSX.Element | null {
  const open = useSignal(true)
  useEffect(
    () =>
      addKeys({
        r: () => {
          open.value = !open.value
        },
      }),
    [open],
  )
  const all = tables.value
  if (all.length === 0) return null
  const shown = all.find((table) => table.topic === route.value.parameters['table']) ?? all[0]!
  return (
    <section class={open.value ? 'results' : 'results folded'} aria-label="Results">
      <header>
        <Tabs tables={all} shown={shown} />
        <span class="row-count">{countText(shown)}</span>
        <button
          type="button"
          class="plain"
          aria-expanded={open.value}
          aria-label="Results"
          title={open.value ? 'Hide the results (r)' : 'Show the results (r)'}
          onClick={() => {
            open.value = !open.value
          }}
        >
          <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d={open.value ? 'M4 6.5l4 4 4-4' : 'M4 9.5l4-4 4 4'} />
          </svg>
        </button>
      </header>
      {open.value && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
        <div class="scroll" role="tabpanel" aria-label={shown.title} tabIndex={0}>
          <Rows table={shown} />
        </div>
      )}
    </section>
  )
}

function countText(table: ResultTable): string {
  const shown = Math.min(table.rows.length, ROWS_SHOWN_MAX)
  if (shown === table.rowCount) return shown === 1 ? '1 row' : `${formatCount(shown)} rows`
  return `latest ${formatCount(shown)} of ${formatCount(table.rowCount)} rows`
}

interface TabsProps {
  readonly tables: readonly ResultTable[]
  readonly shown: ResultTable
}

function Tabs({ tables, shown }: TabsProps): JSX.Element {
  const choose = (table: ResultTable, list: Element | null): void => {
    setParameter('table', table.topic)
    list?.querySelector<HTMLElement>(`[data-table="${CSS.escape(table.topic)}"]`)?.focus()
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (step === 0) return
    event.preventDefault()
    const next = tables.at((tables.indexOf(shown) + step) % tables.length)!
    choose(next, event.currentTarget as Element)
  }
  return (
    <div class="tabs" role="tablist" aria-label="Result tables" onKeyDown={onKeyDown} tabIndex={-1}>
      {tables.map((table) => (
        <button
          key={table.topic}
          type="button"
          role="tab"
          aria-selected={table === shown}
          tabIndex={table === shown ? 0 : -1}
          data-table={table.topic}
          title={`topic ${table.topic}`}
          onClick={() => setParameter('table', table.topic)}
        >
          {table.title}
        </button>
      ))}
    </div>
  )
}

function Rows({ table }: { readonly table: ResultTable }): JSX.Element {
  if (table.rows.length === 0) return <p class="no-rows">No rows yet.</p>
  const rows = table.rows.slice(0, ROWS_SHOWN_MAX)
  const writers = table.columns.map((column, index) =>
    cellWriter(
      column,
      rows.map((row) => row[index] ?? null),
    ),
  )
  return (
    <table>
      <thead>
        <tr>
          {table.columns.map((column) => (
            <th key={column.name} scope="col" class={column.type} title={column.name}>
              {column.type === 'time' ? column.name.replace(/(?<=.)Ms$/, '') : column.name}
              {column.type === 'time' && <small> UTC</small>}
            </th>
          ))}
          <td class="rest" />
        </tr>
      </thead>
      <tbody>
        {rows.map((row, number) => (
          <tr key={number}>
            {table.columns.map((column, index) => {
              const cell = row[index] ?? null
              return (
                <td key={column.name} class={column.type}>
                  {cell === null ? <span class="none">null</span> : writers[index]!(cell)}
                </td>
              )
            })}
            <td class="rest" />
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** How the cells of a column are written: numbers and times of one column all the same way. */
function cellWriter(column: ResultColumn, cells: readonly ResultCell[]): (cell: string | number) => string {
  const numbers = cells.filter((cell) => typeof cell === 'number')
  if (column.type === 'number') {
    const format = numberFormat(numbers)
    return (cell) => (typeof cell === 'number' ? format.format(cell) : cell)
  }
  if (column.type === 'time') {
    const precision = timePrecision(numbers)
    return (cell) => (typeof cell === 'number' ? formatTime(cell, precision) : cell)
  }
  return String
}
