/**
 * Turns what Node throws while it loads a user's file into MR_CONFIG_INVALID with the place. Where Node puts
 * it depends on the fault (the same on Node 22, 24 and 26):
 *
 * - TypeScript syntax and a missing export: `file:///…:LINE` first in the stack, then the source with `^^^`;
 * - an exception while the module runs: the first frame in a user's file;
 * - a module that is not found: only the importing file's name, in the message;
 * - JavaScript syntax: nowhere. The type stripper parses the file again, and does say it.
 */
import fs from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { codeFrame, positionAt, type SourcePosition } from '../../core/code-frame.ts'
import { MillraceError, messageOf } from '../../core/errors.ts'

/** Millrace's own code: what a user got wrong lies above it on the stack. */
const sourceRoot = path.join(import.meta.dirname, '..', '..', path.sep)

interface Place extends SourcePosition {
  readonly file: string
}

/** The error for what was thrown while `file` was loaded. A Millrace error stays what it is, and is given its place. */
export function moduleError(thrown: unknown, file: string): MillraceError {
  if (thrown instanceof MillraceError && thrown.where !== undefined) return thrown
  const place = placeOf(thrown, file)
  const text = place === undefined ? undefined : readSource(place.file)
  if (thrown instanceof MillraceError) {
    return new MillraceError(thrown.code, thrown.message, {
      cause: thrown,
      where: place === undefined ? file : `${place.file}:${place.line}:${place.column}`,
      context: thrown.context,
      ...(place === undefined || text === undefined ? {} : { frame: codeFrame(text, place) }),
      ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
    })
  }
  return new MillraceError('MR_CONFIG_INVALID', `cannot load the file: ${describe(thrown)}`, {
    cause: thrown,
    where: place === undefined ? file : `${place.file}:${place.line}:${place.column}`,
    ...(place === undefined || text === undefined ? {} : { frame: codeFrame(text, place) }),
    ...hintFor(thrown),
  })
}

function describe(thrown: unknown): string {
  const message = messageOf(thrown)
  return message.replace(/^(Cannot find (?:package|module) )('[^']+').*$/s, (_, what, name) =>
    `${what}${name}`.replace('Cannot', 'cannot'),
  )
}

function hintFor(thrown: unknown): { hint?: string } {
  const code = codeOf(thrown)
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') {
    return {
      hint: 'Node runs TypeScript by leaving out its types: write what exists in JavaScript too (a union of texts for an enum, fields for parameter properties).',
    }
  }
  const missing = /Cannot find package '([^']+)'/.exec(messageOf(thrown))?.[1]
  if (missing !== undefined) return { hint: `Install it: npm install ${missing}` }
  if (code === 'ERR_MODULE_NOT_FOUND')
    return { hint: 'Check the path; relative imports need the file extension.' }
  return {}
}

function codeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

function placeOf(thrown: unknown, file: string): Place | undefined {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : ''
  const importer = /imported from (\S.*)$/m.exec(messageOf(thrown))?.[1]
  return (
    placeOfHeader(stack) ??
    (importer === undefined ? undefined : placeOfImport(importer, messageOf(thrown))) ??
    placeOfFrame(stack) ??
    (thrown instanceof SyntaxError ? placeByParsing(file) : undefined)
  )
}

/** `file:///a/b.ts:4` on the first line, and a line of `^` under the source. */
function placeOfHeader(stack: string): Place | undefined {
  const header = /^(file:\/\/\S+?):(\d+)\n/.exec(stack)
  const marks = /^( *)\^+$/m.exec(stack)
  if (header === null) return undefined
  return { file: pathOf(header[1]!), line: Number(header[2]), column: (marks?.[1]?.length ?? 0) + 1 }
}

function placeOfFrame(stack: string): Place | undefined {
  for (const frame of stack.matchAll(/^ +at .*?\(?(file:\/\/[^\s)]+?):(\d+):(\d+)\)?$/gm)) {
    const file = pathOf(frame[1]!)
    const own = file.startsWith(sourceRoot)
    if (!own && !file.includes('/node_modules/'))
      return { file, line: Number(frame[2]), column: Number(frame[3]) }
  }
  return undefined
}

/** Where `importer` names the module that was not found. */
function placeOfImport(importer: string, message: string): Place | undefined {
  const file = importer.startsWith('file:') ? pathOf(importer) : importer
  const text = readSource(file)
  const missing = /Cannot find (?:package|module) '([^']+)'/.exec(message)?.[1]
  if (text === undefined || missing === undefined) return undefined
  const lastName = missing.split(/[\\/]/).at(-1)!
  const found = new RegExp(`['"][^'"\n]*${escapeText(lastName)}['"]`).exec(text)
  return found === null ? undefined : { file, ...positionAt(text, found.index) }
}

function placeByParsing(file: string): Place | undefined {
  const text = readSource(file)
  if (text === undefined) return undefined
  try {
    stripTypeScriptTypes(text, { mode: 'strip', sourceUrl: `file://${file}` })
    return undefined
  } catch (error) {
    const found = placeOfHeader(error instanceof Error ? (error.stack ?? '') : '')
    return found === undefined ? undefined : { ...found, file }
  }
}

function escapeText(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

function readSource(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function pathOf(url: string): string {
  const plain = new URL(url)
  plain.search = ''
  return fileURLToPath(plain)
}
