/** What `npm test` prints: a line per file as it ends, what failed in full, and the count. */
import { formatDuration } from '../../src/core/duration.ts'
import type { Failure, FileResult } from './run-file.ts'

const indent = (text: string, by: string): string => text.replaceAll(/^(?=.)/gm, by)

function failureText(file: string, failure: Failure): string {
  const place = failure.line === undefined ? file : `${file}:${failure.line}`
  return `  ✗ ${failure.name === '' ? 'the file' : failure.name}\n    ${place}\n${indent(failure.text, '    ')}\n`
}

/** One line for a file, with all of its failures below. `name` is the path from the root. */
export function fileText(name: string, result: FileResult): string {
  const { passed, failures, skips } = result
  const counts = [
    `${passed + failures.length} tests`,
    failures.length > 0 ? `${failures.length} failed` : '',
    skips.length > 0 ? `${skips.length} skipped` : '',
  ].filter((part) => part !== '')
  const mark = failures.length > 0 ? '✗' : '✓'
  const line = `${mark} ${name.padEnd(58)} ${formatDuration(result.ms).padStart(7)}  ${counts.join(', ')}\n`
  if (failures.length === 0) return line
  const output = result.output.trim() === '' ? '' : `  printed:\n${indent(result.output.trimEnd(), '    ')}\n`
  return line + failures.map((failure) => failureText(name, failure)).join('') + output
}

/** Why tests did not run, with how often. */
export function skipsText(results: readonly FileResult[]): string {
  const counts = new Map<string, number>()
  for (const reason of results.flatMap((result) => result.skips)) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  if (counts.size === 0) return ''
  return `skipped:\n${[...counts].map(([reason, count]) => `  ${count} × ${reason}\n`).join('')}`
}
