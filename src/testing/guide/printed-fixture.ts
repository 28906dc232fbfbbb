/**
 * Holds a guide page and the file that runs its examples together: every block of TypeScript on the page is a region
 * `// #region name` … `// #endregion` of the file, and every region is on the page.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

/** `file` is the `import.meta.url` of the tests, `page` a name in docs/guide. */
export function assertPrinted(file: string, page: string): void {
  const source = readFileSync(new URL(file), 'utf8')
  const text = readFileSync(new URL(`../../../docs/guide/${page}`, import.meta.url), 'utf8')
  const regions = [...source.matchAll(/^ *\/\/ #region .*\n([\s\S]*?)^ *\/\/ #endregion/gm)].map(([, body]) =>
    dedent(body!),
  )
  const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, body]) => body!)
  assert.ok(regions.length > 0, `${page} has examples`)
  assert.deepEqual(blocks, regions)
}

/** The first block of a page in some other language than TypeScript. */
export function printedText(page: string, language: string): string | undefined {
  const text = readFileSync(new URL(`../../../docs/guide/${page}`, import.meta.url), 'utf8')
  return new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(text)?.[1]
}

function dedent(code: string): string {
  const lines = code.split('\n')
  const indent = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)))
  return lines.map((line) => line.slice(indent)).join('\n')
}
