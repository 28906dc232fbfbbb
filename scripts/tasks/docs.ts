/**
 * `npm run docs [-- --check]`: prints the reference pages from the registers and tables they describe; with
 * `--check` it changes nothing and fails where a page is not what would be printed.
 */
import fs from 'node:fs'
import path from 'node:path'
import { printCommandLine } from '../docs/command-line.ts'
import { printErrors } from '../docs/errors.ts'
import { printMetrics } from '../docs/metrics.ts'
import { root } from '../repository.ts'

/** Page → what prints it. One line per page. */
const pages: Readonly<Record<string, () => string>> = {
  'docs/reference/cli.md': printCommandLine,
  'docs/reference/errors.md': printErrors,
  'docs/reference/metrics.md': printMetrics,
}

const check = process.argv.includes('--check')

for (const [page, print] of Object.entries(pages)) {
  const file = path.join(root, page)
  const text = print()
  const current = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined
  if (current === text) continue
  if (check) {
    process.stderr.write(`error ${page} is not what its register says\n  Run: npm run docs\n`)
    process.exitCode = 1
  } else {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, text)
    process.stdout.write(`printed ${page}\n`)
  }
}
