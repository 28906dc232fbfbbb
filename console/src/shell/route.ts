/** Where the page is, as a signal that follows the address bar. */
import { signal } from '@preact/signals'
import { formatHash, PAGE_DEFAULT, parseHash, type Route } from './address.ts'

export const route = signal<Route>({ page: PAGE_DEFAULT, parameters: {} })

export function startRouting(): void {
  const read = (): void => {
    route.value = parseHash(location.hash)
  }
  read()
  addEventListener('hashchange', read)
}

/** Puts a parameter into the address, or takes it out, without a step in the browser's history. */
export function setParameter(name: string, value: string | undefined): void {
  const { [name]: _, ...others } = route.peek().parameters
  const parameters = value === undefined ? others : { ...others, [name]: value }
  route.value = { ...route.peek(), parameters }
  history.replaceState(null, '', formatHash(route.peek()))
}
