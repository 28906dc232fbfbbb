/** How files look: their length, their names, the comment at their head, and no test that runs alone. */
import type { Check, Fault } from './fault.ts'
import { lineAt, type Source } from './source.ts'

export const LINES_MAX = 500
export const MEDIAN_LINES_MAX = 150
const HEAD_COMMENT_FROM_LINES = 50

/** Longer files, each with its reason. */
const longFiles: Readonly<Record<string, string>> = {}

const wordsInstead = 'say what it is or does: a name that fits everything says nothing (conventions, "Names")'
const vagueFileWords = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'misc', 'manager', 'impl'])
const vagueType =
  /\b(?:class|interface|type|enum)\s+(\w*(?:Utils?|Helpers?|Manager|Impl)|Base[A-Z]\w*|I[A-Z][a-z]\w*)\b/g

export const checkLength: Check = ({ path, lineCount }) => {
  if (lineCount <= LINES_MAX || longFiles[path] !== undefined) return []
  const what = `${lineCount} lines`
  const instead = `split it: at most ${LINES_MAX}, or give its reason in test/architecture/shape.ts`
  return [{ path, line: lineCount, what, instead }]
}

/** A unit test's names say what it is about; every other file of some length says so at its head. */
export const checkHead: Check = ({ path, text, lineCount }) => {
  if (lineCount <= HEAD_COMMENT_FROM_LINES || path.endsWith('.test.ts')) return []
  if (/^(?:#!.*\n)?\s*\/[*/]/.test(text)) return []
  const instead = 'begin it with a comment: what it is, the algorithm in steps, the source of its rules'
  return [{ path, line: 1, what: `${lineCount} lines without a comment at the head`, instead }]
}

export const checkNames: Check = ({ path, code, text }) => {
  const faults: Fault[] = []
  const file = path.split('/').at(-1)!
  const words = file.split('.')[0]!.split('-')
  const vague = words.find((word) => vagueFileWords.has(word)) ?? (words[0] === 'base' ? 'base' : undefined)
  if (vague !== undefined)
    faults.push({ path, line: 1, what: `"${vague}" in the file's name`, instead: wordsInstead })
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)+$/.test(file)) {
    faults.push({ path, line: 1, what: `the file's name`, instead: 'write it in kebab-case' })
  }
  for (const match of code.matchAll(vagueType)) {
    faults.push({
      path,
      line: lineAt(text, match.index),
      what: `the name ${match[1]}`,
      instead: wordsInstead,
    })
  }
  return faults
}

export const checkOnly: Check = ({ path, code, text }) => {
  const alone = /\b(?:it|test|describe|suite)\s*\.\s*only\b|\bonly\s*:\s*true\b/g
  if (!path.endsWith('.test.ts')) return []
  return [...code.matchAll(alone)].map((match) => ({
    path,
    line: lineAt(text, match.index),
    what: match[0],
    instead: 'remove it: the other tests of the file would not run',
  }))
}

/** Whole trees: the median of the lengths. */
export function checkMedians(sources: readonly Source[]): readonly Fault[] {
  const trees = Map.groupBy(sources, ({ path }) => path.split('/')[0]!)
  const faults: Fault[] = []
  for (const [tree, files] of trees) {
    const lengths = files.map((file) => file.lineCount).sort((a, b) => a - b)
    const median = lengths[lengths.length >> 1]!
    if (median > MEDIAN_LINES_MAX) {
      const longest = files.reduce((a, b) => (a.lineCount > b.lineCount ? a : b))
      const what = `the median file of ${tree}/ has ${median} lines`
      const instead = `at most ${MEDIAN_LINES_MAX}: split files, ${longest.path} (${longest.lineCount}) first`
      faults.push({ path: `${tree}/`, line: 1, what, instead })
    }
  }
  return faults
}
