/** The dialog of all keys. What is said here is what keyboard.ts and the pages bind: keep both alike. */
import type { JSX } from 'preact'
import { pages } from './pages.tsx'

const HELP_ID = 'keyboard-help'

export function openHelp(): void {
  const dialog = document.getElementById(HELP_ID)
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal()
}

const everywhere: readonly (readonly [string, string])[] = [
  ['?', 'this help'],
  ['p', 'pause, or follow again'],
  ['Esc', 'close the side panel'],
]

const onFlow: readonly (readonly [string, string])[] = [
  ['/', 'find a node; Enter opens the first'],
  ['Tab', 'into the drawing'],
  ['← ↑ → ↓', 'from node to node'],
  ['Enter', 'open the node’s side panel'],
  ['+ −', 'zoom in, zoom out'],
  ['f', 'fit the drawing to the window'],
  ['r', 'show or hide the results'],
]

/** It closes with Esc, a click outside, or its button. */
export function Help(): JSX.Element {
  const goTo = pages.map((page) => [`g ${page.key}`, `go to ${page.title}`] as const)
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc closes a dialog by itself.
    <dialog
      id={HELP_ID}
      class="help"
      aria-labelledby={`${HELP_ID}-title`}
      onClick={(event) => {
        if (event.target === event.currentTarget) event.currentTarget.close()
      }}
    >
      <form method="dialog">
        <h2 id={`${HELP_ID}-title`}>Keyboard</h2>
        <KeyList title="Everywhere" keys={[...everywhere, ...goTo]} />
        <KeyList title="Flow" keys={onFlow} />
        <p>Wheel zooms, drag moves the drawing. The address holds what is open, so it can be shared.</p>
        <button type="submit">Close</button>
      </form>
    </dialog>
  )
}

interface KeyListProps {
  readonly title: string
  readonly keys: readonly (readonly [string, string])[]
}

function KeyList({ title, keys }: KeyListProps): JSX.Element {
  return (
    <>
      <h3>{title}</h3>
      <dl>
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              {key.split(' ').map((part) => (
                <kbd key={part}>{part}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </>
  )
}
