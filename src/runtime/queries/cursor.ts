/** Where the next page of rows begins, as a text that goes out and comes back: base64url of `[key, window start]`. */
import { MillraceError } from '../../core/errors.ts'
import { placeOf, type RowPlace, type StoreRow } from '../../state/store-query.ts'

export function cursorOf(row: StoreRow): string {
  const { key, startMs } = placeOf(row)
  return Buffer.from(JSON.stringify([key, startMs])).toString('base64url')
}

/** @throws MR_QUERY_INVALID */
export function placeOfCursor(cursor: string): RowPlace {
  const parsed = parse(Buffer.from(cursor, 'base64url').toString())
  if (Array.isArray(parsed) && parsed.length === 2) {
    const [key, startMs] = parsed as unknown[]
    if ((typeof key === 'string' || typeof key === 'number') && typeof startMs === 'number')
      return { key, startMs }
  }
  throw new MillraceError('MR_QUERY_INVALID', 'the cursor is not one', {
    hint: 'Give the cursor of the page before, as it is, to the same query.',
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
