/** True for a list of what may come alone. `Array.isArray` does not tell a readonly array from what it is not. */
export function isMany<T>(given: T | readonly T[]): given is readonly T[] {
  return Array.isArray(given)
}
