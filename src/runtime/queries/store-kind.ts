/** Which questions a store can be asked, by its kind. */
import { MillraceError } from '../../core/errors.ts'

export type StoreKind = 'key-value' | 'window' | 'session' | 'versioned'

/** What a kind of store is asked instead. */
const asks: Readonly<Record<StoreKind, string>> = {
  'key-value': 'get(key), range(from, to), prefix(text) or all()',
  window: 'window(key, fromMs, toMs), range(from, to), prefix(text) or all()',
  session: 'session(key, fromMs, toMs), range(from, to), prefix(text) or all()',
  versioned: 'get(key), asOf(key, atMs), range(from, to), prefix(text) or all()',
}

/** @throws MR_STORE_KIND unless the store is of one of the kinds */
export function needKind(
  { name, kind }: { readonly name: string; readonly kind: StoreKind },
  kinds: readonly StoreKind[],
): void {
  if (kinds.includes(kind)) return
  throw new MillraceError('MR_STORE_KIND', `store "${name}" is of kind ${kind}, not ${kinds.join(' or ')}`, {
    hint: `Ask it ${asks[kind]}.`,
  })
}
