/**
 * The frame around every page: rail, top line, notices, help; and the keys that work everywhere.
 *
 * A page is found by the name in the address (pages.tsx); one that is not there is said.
 */
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { connection, flow } from '../live/live.ts'
import { PAGE_DEFAULT } from './address.ts'
import { Header } from './header.tsx'
import { Help, openHelp } from './help.tsx'
import { addKeys } from './keyboard.ts'
import { Navigation } from './navigation.tsx'
import { pages } from './pages.tsx'
import { route } from './route.ts'

/** Rail, top line and the page of the address. */
export function App(): JSX.Element {
  useEffect(
    () =>
      addKeys({
        '?': openHelp,
        p: () => connection.toggle(),
        ...Object.fromEntries(
          pages.map((page) => [`g ${page.key}`, () => location.assign(`#/${page.name}`)]),
        ),
      }),
    [],
  )
  const page = pages.find(({ name }) => name === route.value.page)
  const still = connection.status.value !== 'live'
  return (
    <div class={still ? 'app still' : 'app'}>
      <Navigation />
      <Header />
      <main>
        <Notice />
        {page === undefined ? <NoPage /> : page.render()}
      </main>
      <Help />
    </div>
  )
}

/** What the process or the server has to say, above the page. */
function Notice(): JSX.Element | null {
  const summary = flow.summary.value
  const hidden = summary?.nodesHidden ?? 0
  const text = connection.problem.value ?? summary?.message
  if (text === undefined && hidden === 0) return null
  const failed = connection.problem.value !== undefined || summary?.state === 'failed'
  return (
    <p class={failed ? 'notice failed' : 'notice'} role="status">
      {text !== undefined && `${failed ? 'Failed: ' : ''}${text} `}
      {hidden > 0 && `${hidden} more nodes are not drawn.`}
    </p>
  )
}

function NoPage(): JSX.Element {
  return (
    <div class="empty">
      <p>There is no such page.</p>
      <a href={`#/${PAGE_DEFAULT}`}>Go to the first one</a>
    </div>
  )
}
