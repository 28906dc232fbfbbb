/**
 * Node's Buffer has faster siblings of `toString` and `write` that its published types leave out.
 * They are stable and documented by use in Node itself; a missing one fails in the unit tests of core.
 */
declare global {
  interface Buffer {
    utf8Slice(start?: number, end?: number): string
    latin1Slice(start?: number, end?: number): string
    utf8Write(text: string, offset?: number, length?: number): number
    latin1Write(text: string, offset?: number, length?: number): number
  }
}

export {}
