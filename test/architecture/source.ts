/**
 * TypeScript text without what is not code: a scanner that knows comments, texts, templates and regular
 * expressions, and nothing else. It replaces characters by spaces and keeps every line and column.
 */

export interface Source {
  /** From the repository's root, with slashes. */
  readonly path: string
  readonly text: string
  /** Without comments. */
  readonly uncommented: string
  /** Without comments and without the insides of texts, templates and regular expressions. */
  readonly code: string
  readonly lineCount: number
}

/** After these a slash begins a regular expression; after a name, a number or a closing bracket it divides. */
const beforeExpression =
  /(?:^|[=(,[{}:;!&|?+\-*%~^<>]|\b(?:return|typeof|case|in|of|delete|void|throw|await|yield))\s*$/

interface Part {
  readonly kind: 'comment' | 'text' | 'code'
  readonly end: number
}

/** The part that begins at `at`; templates come in pieces, because code may stand inside `${…}`. */
function partAt(text: string, at: number, codeBefore: string): Part {
  const here = text[at]!
  const two = text.slice(at, at + 2)
  if (two === '//') return { kind: 'comment', end: endOf(text, at, '\n') }
  if (two === '/*') return { kind: 'comment', end: endOf(text, at + 2, '*/') + 2 }
  if (here === "'" || here === '"') return { kind: 'text', end: endOfText(text, at, here) }
  if (here === '/' && beforeExpression.test(codeBefore))
    return { kind: 'text', end: endOfExpression(text, at) }
  return { kind: 'code', end: at + 1 }
}

function endOf(text: string, at: number, mark: string): number {
  const found = text.indexOf(mark, at)
  return found < 0 ? text.length : found
}

function endOfText(text: string, at: number, quote: string): number {
  let end = at + 1
  while (end < text.length && text[end] !== quote && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1
  return Math.min(end + 1, text.length)
}

function endOfExpression(text: string, at: number): number {
  let end = at + 1
  let inClass = false
  while (end < text.length && (inClass || text[end] !== '/') && text[end] !== '\n') {
    if (text[end] === '[') inClass = true
    else if (text[end] === ']') inClass = false
    end += text[end] === '\\' ? 2 : 1
  }
  while (/[a-z]/.test(text[end + 1] ?? '')) end++
  return Math.min(end + 1, text.length)
}

/** The end of a template's piece: after its closing backtick, or after `${`. */
function endOfTemplatePiece(text: string, at: number): number {
  let end = at
  while (end < text.length) {
    if (text[end] === '`') return end + 1
    if (text[end] === '$' && text[end + 1] === '{') return end + 2
    end += text[end] === '\\' ? 2 : 1
  }
  return text.length
}

const blank = (text: string): string => text.replaceAll(/[^\n]/g, ' ')
const blankInside = (text: string): string =>
  text.length < 2 ? text : text[0] + blank(text.slice(1, -1)) + text.at(-1)

/** Reads a file's text; works on anything that TypeScript takes. */
export function readSource(path: string, text: string): Source {
  let uncommented = ''
  let code = ''
  // Depths of open braces; a template's `${` puts a mark there that its `}` finds again.
  const braces: ('brace' | 'template')[] = []
  const addTemplatePiece = (at: number): number => {
    const end = endOfTemplatePiece(text, at)
    const piece = text.slice(at, end)
    const opens = piece.endsWith('${')
    const inside = opens ? piece.slice(0, -2) : piece.slice(0, -1)
    uncommented += piece
    code += blank(inside) + piece.slice(inside.length)
    if (opens) braces.push('template')
    return end
  }
  for (let at = 0; at < text.length; ) {
    const here = text[at]!
    if (here === '`' || (here === '}' && braces.at(-1) === 'template')) {
      if (here === '}') braces.pop()
      uncommented += here
      code += here
      at = addTemplatePiece(at + 1)
      continue
    }
    const part = partAt(text, at, code.slice(-40))
    const piece = text.slice(at, part.end)
    if (here === '{') braces.push('brace')
    else if (here === '}') braces.pop()
    uncommented += part.kind === 'comment' ? blank(piece) : piece
    code += part.kind === 'code' ? piece : part.kind === 'comment' ? blank(piece) : blankInside(piece)
    at = part.end
  }
  return { path, text, uncommented, code, lineCount: text.split('\n').length - (text.endsWith('\n') ? 1 : 0) }
}

/** Tests, and what stands beside them only for tests: `…-fixture.ts` and `testdata.ts`. */
export function isTestCode(path: string): boolean {
  return /(?:\.test|-fixture|\/testdata)\.ts$/.test(path)
}

/** The line, from 1, of a character. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

export interface Import {
  readonly specifier: string
  readonly line: number
  readonly typeOnly: boolean
}

/** Everything that a file imports or exports from elsewhere, `import()` included. */
export function importsOf({ code, text, uncommented }: Source): readonly Import[] {
  const found: Import[] = []
  const statement =
    /\b(import|export)\b(\s+type\b)?[^'"`;()=]*?\bfrom\s*(['"])|\bimport\s*(['"])|\bimport\s*\(\s*(['"`])/g
  for (const match of code.matchAll(statement)) {
    const quote = match[3] ?? match[4] ?? match[5]!
    const start = match.index + match[0].length
    const specifier = uncommented.slice(start, uncommented.indexOf(quote, start))
    found.push({ specifier, line: lineAt(text, match.index), typeOnly: match[2] !== undefined })
  }
  return found
}
