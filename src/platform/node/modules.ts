/**
 * Loading what users wrote, through Node's own loader and type stripping, with two hooks in this thread:
 *
 * 1. resolve: `millrace` and `millrace/…` lead to the running copy, as if this file had imported them (a
 *    package may import itself by name); in a checkout that is the source, in a published package `dist/`.
 * 2. load: a TypeScript file outside `node_modules` is an ES module even where package.json says
 *    `"type": "commonjs"` (which `npm init` writes), and so is a JavaScript file that imports or exports.
 *
 * A module that is loaded fresh has a number in its URL, which its own files' imports inherit.
 */
import fs from 'node:fs'
import { registerHooks } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { codeFrame, positionAt } from '../../core/code-frame.ts'
import { MillraceError, messageOf } from '../../core/errors.ts'
import type { LoadOptions, ModuleExports, Modules } from '../modules.ts'
import { moduleError } from './module-error.ts'

const FRESH = 'millrace-fresh'
const runsFromSource = import.meta.url.endsWith('.ts')

let hooked = false
let freshCount = 0

function isUserFile(url: string): boolean {
  return url.startsWith('file:') && !url.includes('/node_modules/')
}

function looksLikeModule(file: string): boolean {
  return /^\s*(import\b\s*[\w*{'"]|export\b\s*[\w*{])/m.test(fs.readFileSync(file, 'utf8'))
}

/** The format that a file must be loaded as, where Node would take it for something else. */
function forcedFormat(url: string): 'module' | 'module-typescript' | undefined {
  if (!isUserFile(url)) return undefined
  const { pathname } = new URL(url)
  if (/\.m?ts$/.test(pathname)) return 'module-typescript'
  if (/\.js$/.test(pathname) && looksLikeModule(fileURLToPath(url))) return 'module'
  return undefined
}

/** Installs the hooks in this thread; more than once does nothing. A worker thread needs its own call. */
export function installModuleHooks(): void {
  if (hooked) return
  hooked = true
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'millrace' || specifier.startsWith('millrace/')) {
        const conditions = runsFromSource ? [...context.conditions, 'millrace-source'] : context.conditions
        return next(specifier, { ...context, parentURL: import.meta.url, conditions })
      }
      const resolved = next(specifier, context)
      const fresh = /^\.{0,2}\//.test(specifier) ? freshNumber(context.parentURL) : null
      if (fresh === null || !isUserFile(resolved.url)) return resolved
      return { ...resolved, url: freshUrl(resolved.url, fresh) }
    },
    load(url, context, next) {
      const format = forcedFormat(url)
      return format === undefined ? next(url, context) : next(url, { ...context, format })
    },
  })
}

function freshNumber(url: string | undefined): string | null {
  return url?.startsWith('file:') ? new URL(url).searchParams.get(FRESH) : null
}

function freshUrl(url: string, number: string): string {
  const fresh = new URL(url)
  fresh.searchParams.set(FRESH, number)
  return fresh.href
}

function loadJson(file: string): ModuleExports {
  const text = fs.readFileSync(file, 'utf8')
  try {
    return { default: JSON.parse(text) }
  } catch (cause) {
    const message = messageOf(cause)
    const index = Number(/at position (\d+)/.exec(message)?.[1] ?? text.length)
    const position = positionAt(text, index)
    throw new MillraceError(
      'MR_CONFIG_INVALID',
      message.replace(/ in JSON at position.*| is not valid JSON$/s, ''),
      {
        cause,
        where: `${file}:${position.line}:${position.column}`,
        frame: codeFrame(text, position),
        hint: 'Write valid JSON: names in double quotes, no comma after the last entry, no comments.',
      },
    )
  }
}

async function load(name: string, options: LoadOptions = {}): Promise<ModuleExports> {
  const file = path.resolve(name)
  if (!fs.existsSync(file)) {
    throw new MillraceError('MR_CONFIG_NOT_FOUND', `no file "${name}"`, {
      where: file,
      hint: 'Name a file that exists, or write one: the README begins with a configuration of 15 lines.',
    })
  }
  if (file.endsWith('.json')) return loadJson(file)
  installModuleHooks()
  const { href } = pathToFileURL(file)
  try {
    return await import(options.fresh ? freshUrl(href, String(++freshCount)) : href)
  } catch (error) {
    throw moduleError(error, file)
  }
}

/** Node's loader. */
export const nodeModules: Modules = { load }
