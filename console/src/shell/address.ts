/** The address of a view: `#/flow?node=topic%3Adeparted&table=rotations`. Every view has one. */

export interface Route {
  readonly page: string
  readonly parameters: Readonly<Record<string, string>>
}

export const PAGE_DEFAULT = 'flow'

/** Reads a hash; an empty one leads to the first page. */
export function parseHash(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  return {
    page: path === '' ? PAGE_DEFAULT : path,
    parameters: Object.fromEntries(new URLSearchParams(query)),
  }
}

export function formatHash(route: Route): string {
  const query = new URLSearchParams(route.parameters).toString()
  return `#/${route.page}${query === '' ? '' : `?${query}`}`
}
