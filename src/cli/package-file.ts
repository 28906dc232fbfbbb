import { createRequire } from 'node:module'

/** The absolute path of a file or directory of Millrace's own package. */
export function packageFile(path: string): string {
  const metadata = createRequire(import.meta.url).resolve('millrace/package.json')
  return metadata.replace(/package\.json$/, path)
}
