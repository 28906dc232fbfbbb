export interface SourcePosition {
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
}

/** The lines of `text` around a position, numbered, with a mark under it. */
export function codeFrame(text: string, { line, column }: SourcePosition): string {
  const lines = text.split(/\r?\n/)
  const first = Math.max(1, line - 2)
  const last = Math.min(lines.length, line + 1)
  const width = String(last).length
  const shown: string[] = []
  for (let number = first; number <= last; number++) {
    const mark = number === line ? '>' : ' '
    const source = lines[number - 1]!.replaceAll('\t', ' ')
    shown.push(`  ${mark} ${String(number).padStart(width)} | ${source}`.trimEnd())
    if (number === line) shown.push(`    ${' '.repeat(width)} | ${' '.repeat(Math.max(0, column - 1))}^`)
  }
  return shown.join('\n')
}

/** The position of the character at `index` of `text`. */
export function positionAt(text: string, index: number): SourcePosition {
  const before = text.slice(0, index)
  return { line: before.split('\n').length, column: index - before.lastIndexOf('\n') }
}
