/** What stands over the drawing: the key of shapes, find, zoom. */
import { type ReadonlySignal, useComputed } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import { matches, search, select } from './selection.ts'
import { KindIcon, kinds } from './shapes.tsx'
import type { FlowLayout } from './spread.ts'
import type { Viewport } from './viewport.ts'

export const ZOOM_STEP = 1.25
export const SEARCH_ID = 'find-node'

interface ToolsProps {
  readonly layout: ReadonlySignal<FlowLayout>
  readonly viewport: Viewport
}

export function GraphTools({ layout, viewport }: ToolsProps): JSX.Element {
  const percent = useComputed(() => `${Math.round(viewport.view.value.scale * 100)}%`)
  return (
    <div class="graph-tools">
      <ul class="shape-key" aria-label="Kinds of nodes">
        {kinds.map((kind) => (
          <li key={kind}>
            <KindIcon kind={kind} />
            {kind}
          </li>
        ))}
      </ul>
      <Find layout={layout} />
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms. */}
      <div class="zoom" role="group" aria-label="Zoom">
        <ToolButton label="Zoom out" keys="−" press={() => viewport.zoom(1 / ZOOM_STEP)}>
          <path d="M3.5 8h9" />
        </ToolButton>
        <output class="percent">{percent}</output>
        <ToolButton label="Zoom in" keys="+" press={() => viewport.zoom(ZOOM_STEP)}>
          <path d="M3.5 8h9M8 3.5v9" />
        </ToolButton>
        <ToolButton label="Fit" keys="f" press={() => viewport.fit()}>
          <path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" />
        </ToolButton>
      </div>
    </div>
  )
}

interface ButtonProps {
  readonly label: string
  readonly keys: string
  readonly press: () => void
  readonly children: ComponentChildren
}

function ToolButton({ label, keys, press, children }: ButtonProps): JSX.Element {
  return (
    <button type="button" aria-label={label} title={`${label} (${keys})`} onClick={press}>
      <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        {children}
      </svg>
    </button>
  )
}

function Find({ layout }: { readonly layout: ReadonlySignal<FlowLayout> }): JSX.Element {
  const found = useComputed(() =>
    search.value.trim() === ''
      ? []
      : layout.value.nodes.filter(({ node }) => matches(node, search.value)).map(({ node }) => node.id),
  )
  const outcome = useComputed(() => (search.value.trim() === '' ? '' : `${found.value.length} found`))
  return (
    <search class="find">
      <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <path d="M7 2.5A4.5 4.5 0 1 0 7 11.5A4.5 4.5 0 1 0 7 2.5M10.3 10.3L14 14" />
      </svg>
      <input
        id={SEARCH_ID}
        type="text"
        placeholder="Find node"
        title="Find node (/)"
        aria-label="Find node"
        autocomplete="off"
        spellcheck={false}
        value={search}
        onInput={(event) => {
          search.value = event.currentTarget.value
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && found.value.length > 0) select(found.value[0])
          if (event.key !== 'Escape') return
          event.stopPropagation()
          search.value = ''
          event.currentTarget.blur()
        }}
      />
      <output>{outcome}</output>
    </search>
  )
}
