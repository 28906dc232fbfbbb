/**
 * The files of the built console, from memory.
 *
 * 1. All files below the directory are read once, at start; they are few and small, and limited.
 * 2. A request is looked up by its whole path among the names that were found, so no path can leave the directory.
 * 3. What the build named by its content (`assets/`) may be kept for ever; all else is asked for again, by ETag.
 * 4. A path that is no file and looks like a page leads back to the console: addresses of its views are in the hash.
 */
import type { Context, Hono } from 'hono'
import { crc32c } from '../core/crc32c.ts'
import { MillraceError } from '../core/errors.ts'
import { type Disk, joinPath, readFile } from '../platform/disk.ts'
import { refuse } from './routes/problem.ts'

const CONSOLE_FILES_MAX = 1_000
const CONSOLE_BYTES_MAX = 32 * 1024 * 1024
const COMPRESS_FROM_BYTES = 1_024

const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ico: 'image/x-icon',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  wasm: 'application/wasm',
  woff2: 'font/woff2',
}
const compressible = new Set(['css', 'html', 'js', 'json', 'svg', 'txt', 'wasm'])

interface StaticFile {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly extension: string
  readonly etag: string
  readonly cacheControl: string
  compressed?: Promise<ArrayBuffer>
}

function staticFile(path: string, bytes: Buffer): StaticFile {
  return {
    bytes: new Uint8Array(bytes),
    extension: /\.([a-z0-9]+)$/.exec(path)?.[1] ?? '',
    etag: `"${crc32c(bytes).toString(16)}-${bytes.length.toString(16)}"`,
    cacheControl: path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
  }
}

/** All files below a directory by their path in it. Empty when there is no such directory. */
export function readStaticFiles(disk: Disk, directory: string): ReadonlyMap<string, StaticFile> {
  const files = new Map<string, StaticFile>()
  let bytesInAll = 0
  const walk = (below: string): void => {
    for (const entry of disk.list(joinPath(directory, below))) {
      if (entry.name.startsWith('.')) continue
      const path = joinPath(below, entry.name)
      if (entry.directory) {
        walk(path)
        continue
      }
      const file = staticFile(path, readFile(disk, joinPath(directory, path)))
      bytesInAll += file.bytes.length
      if (files.size >= CONSOLE_FILES_MAX || bytesInAll > CONSOLE_BYTES_MAX) {
        throw new MillraceError('MR_LIMIT', 'the console has too many or too large files', {
          where: directory,
          hint: 'Name the directory of the built console, which holds its index.html.',
        })
      }
      files.set(path, file)
    }
  }
  if (disk.exists(directory)) walk('')
  return files
}

function gzip(file: StaticFile): Promise<ArrayBuffer> {
  const stream = new Blob([file.bytes]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Response(stream).arrayBuffer()
}

const takesGzip = (accept: string): boolean => /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(accept)

async function send(c: Context, file: StaticFile): Promise<Response> {
  c.header('etag', file.etag)
  c.header('cache-control', file.cacheControl)
  c.header('vary', 'accept-encoding')
  if (c.req.header('if-none-match') === file.etag) return c.body(null, 304)
  c.header('content-type', types[file.extension] ?? 'application/octet-stream')
  const small = file.bytes.length < COMPRESS_FROM_BYTES || !compressible.has(file.extension)
  if (small || !takesGzip(c.req.header('accept-encoding') ?? '')) return c.body(file.bytes)
  file.compressed ??= gzip(file)
  c.header('content-encoding', 'gzip')
  return c.body(await file.compressed)
}

/** The decoded path without its first slash; undefined for one that cannot be decoded. */
function pathOf(c: Context): string | undefined {
  try {
    return decodeURIComponent(c.req.path.slice(1))
  } catch {
    return undefined
  }
}

export function staticRoutes(app: Hono, files: ReadonlyMap<string, StaticFile>): void {
  app.get('*', (c) => {
    const path = pathOf(c)
    const file = files.get(path === '' ? 'index.html' : (path ?? ''))
    if (file !== undefined) return send(c, file)
    if (files.size === 0 && path === '') {
      const hint = 'Build it with `npm run build`; the API works without.'
      return refuse(c, 404, new MillraceError('MR_HTTP_NOT_FOUND', 'the console is not built', { hint }))
    }
    const page = path !== undefined && path !== '' && !/^(api|assets)(\/|$)|\.[a-z0-9]+$|[\\\0]/i.test(path)
    if (page && files.has('index.html')) {
      // Relative, so that it holds behind a proxy that adds a prefix.
      return c.redirect('../'.repeat(c.req.path.split('/').length - 2) || './', 302)
    }
    return refuse(c, 404, new MillraceError('MR_HTTP_NOT_FOUND', 'nothing is served at this address'))
  })
}
