import type { JSX } from 'preact'
import { formatHash, PAGE_DEFAULT } from './address.ts'
import { pages } from './pages.tsx'
import { route } from './route.ts'

/** The rail on the left. */
export function Navigation(): JSX.Element {
  return (
    <nav class="rail" aria-label="Pages">
      <a class="mark" href={formatHash({ page: PAGE_DEFAULT, parameters: {} })} title="Millrace">
        <span class="unseen">Millrace</span>
        <svg class="icon" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
          <circle cx="12" cy="12" r="6.5" />
          <circle cx="12" cy="12" r="1.5" />
          <path d="M12 3v6M12 15v6M3 12h6M15 12h6M5.6 5.6l4.3 4.3M14.1 14.1l4.3 4.3M18.4 5.6l-4.3 4.3M9.9 14.1l-4.3 4.3" />
        </svg>
      </a>
      <ul>
        {pages.map((page) => (
          <li key={page.name}>
            <a
              href={formatHash({ page: page.name, parameters: {} })}
              aria-current={route.value.page === page.name ? 'page' : undefined}
              title={`${page.title} (g ${page.key})`}
            >
              <svg class="icon" viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
                <path d={page.icon} />
              </svg>
              {page.title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}
