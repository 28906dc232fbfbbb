import { createRequire } from 'node:module'

/** The version of the running copy, as its package.json has it. */
export function version(): string {
  const metadata = createRequire(import.meta.url)('millrace/package.json') as { readonly version: string }
  return metadata.version
}
