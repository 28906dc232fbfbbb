/**
 * The manifest of the file sink: up to where each partition is delivered, and how long each open file was then.
 *
 * It is one file, `.millrace-manifest.json`, replaced as a whole: a line of JSON and a line with its CRC-32C. Files
 * that it does not list are complete and are not written any more, unless they are listed again first.
 */
import { crc32c } from '../../core/crc32c.ts'
import { MillraceError, messageOf } from '../../core/errors.ts'
import { type Disk, joinPath, readFile, replaceFile } from '../../platform/disk.ts'

export const MANIFEST_NAME = '.millrace-manifest.json'
export const LOCK_NAME = '.millrace-lock'
const VERSION = 1

export interface Manifest {
  /** The next offset of each partition, by `topic/partition`. */
  readonly positions: ReadonlyMap<string, number>
  /** Bytes of each open file, by its path relative to the directory. */
  readonly lengths: ReadonlyMap<string, number>
}

interface ManifestText {
  readonly version: number
  readonly positions: readonly (readonly [string, number])[]
  readonly lengths: readonly (readonly [string, number])[]
}

export function writeManifest(disk: Disk, directory: string, manifest: Manifest): void {
  const content: ManifestText = {
    version: VERSION,
    positions: [...manifest.positions],
    lengths: [...manifest.lengths],
  }
  const line = `${JSON.stringify(content)}\n`
  const bytes = Buffer.from(`${line}${checksumOf(Buffer.from(line))}\n`)
  replaceFile(disk, joinPath(directory, MANIFEST_NAME), bytes)
}

/**
 * The manifest of a directory. A new directory gets one; a directory with files but without a manifest is refused.
 *
 * @throws MR_SINK_FAILED
 */
export function openManifest(disk: Disk, directory: string): Manifest {
  const path = joinPath(directory, MANIFEST_NAME)
  if (disk.exists(path)) return parseManifest(path, readFile(disk, path))
  const own = new Set([LOCK_NAME, `${MANIFEST_NAME}.tmp`])
  const foreign = disk.list(directory).find((entry) => !own.has(entry.name))
  if (foreign !== undefined) {
    throw refuse(path, `is missing, but "${foreign.name}" is there: what was delivered is not known`, {
      hint: 'Put the manifest back, or name an empty directory, to which everything is delivered anew.',
    })
  }
  const empty: Manifest = { positions: new Map(), lengths: new Map() }
  writeManifest(disk, directory, empty)
  return empty
}

function parseManifest(path: string, bytes: Buffer): Manifest {
  const lineEnd = bytes.indexOf(0x0a) + 1
  const found = bytes.subarray(lineEnd).toString('latin1')
  if (lineEnd === 0 || found !== `${checksumOf(bytes.subarray(0, lineEnd))}\n`) {
    throw refuse(path, `is damaged: its ${bytes.length} bytes do not match their checksum`, {
      hint: 'Put back a copy of it, or name an empty directory, to which everything is delivered anew.',
    })
  }
  const content = parseLine(path, bytes.toString('utf8', 0, lineEnd))
  if (content.version !== VERSION) {
    throw refuse(path, `has version ${content.version}, and this Millrace writes version ${VERSION}`, {
      hint: 'Use the Millrace that wrote it, or name an empty directory.',
    })
  }
  return { positions: new Map(content.positions), lengths: new Map(content.lengths) }
}

function parseLine(path: string, line: string): ManifestText {
  try {
    return JSON.parse(line) as ManifestText
  } catch (cause) {
    throw refuse(path, `cannot be read: ${messageOf(cause)}`, { cause })
  }
}

function refuse(path: string, what: string, details: { hint?: string; cause?: unknown }): MillraceError {
  return new MillraceError('MR_SINK_FAILED', `the manifest "${path}" ${what}`, { where: path, ...details })
}

function checksumOf(bytes: Uint8Array): string {
  return crc32c(bytes).toString(16).padStart(8, '0')
}
