/** Keys of the page. A page adds its own while it is shown; typing in a field is left alone. */

type Keys = Readonly<Record<string, () => void>>

const added = new Set<Keys>()

/** Adds keys; the function given back takes them away. The latest added one wins. */
export function addKeys(keys: Keys): () => void {
  added.add(keys)
  return () => added.delete(keys)
}

/** A key that begins a pair, as in `g f`. */
const PAIR_START = 'g'
const PAIR_MS = 1_000

export function startKeyboard(): void {
  let pairEndMs = 0
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
    // Right after a dialog has closed Chromium may still send keys to what had the focus in it.
    if (event.target instanceof Element && event.target.closest('input, textarea, select, dialog[open]'))
      return
    const paired = event.timeStamp < pairEndMs
    pairEndMs = 0
    if (event.key === PAIR_START && !paired) {
      pairEndMs = event.timeStamp + PAIR_MS
      return
    }
    const name = paired ? `${PAIR_START} ${event.key}` : event.key
    const run = [...added].findLast((keys) => Object.hasOwn(keys, name))?.[name]
    if (run === undefined) return
    event.preventDefault()
    run()
  })
}
