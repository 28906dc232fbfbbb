/**
 * `meta.properties`: whose data directory it is. Java properties of version 1, as Kafka (KRaft) writes them.
 *
 * The checksum is in a comment, which Kafka passes over.
 */
import { crc32c } from '../core/crc32c.ts'
import { type Disk, joinPath, readFile, replaceFile } from '../platform/disk.ts'
import { logError } from './log-error.ts'

export const META_PROPERTIES_FILE = 'meta.properties'
const VERSION = '1'

export interface MetaProperties {
  readonly clusterId: string
  readonly nodeId: number
  /** Names this directory among those of a node. */
  readonly directoryId: string
}

export function writeMetaProperties(disk: Disk, directory: string, meta: MetaProperties): void {
  const lines = [
    `cluster.id=${meta.clusterId}`,
    `directory.id=${meta.directoryId}`,
    `node.id=${meta.nodeId}`,
    `version=${VERSION}`,
  ]
  const body = `${lines.join('\n')}\n`
  const text = `#checksum=${crc32c(Buffer.from(body, 'latin1'))}\n${body}`
  replaceFile(disk, joinPath(directory, META_PROPERTIES_FILE), Buffer.from(text, 'latin1'))
}

/**
 * Whose directory it is, or undefined for a new one.
 *
 * @throws MR_LOG_DIRECTORY_INVALID when the file is damaged, or of another version
 */
export function readMetaProperties(disk: Disk, directory: string): MetaProperties | undefined {
  const path = joinPath(directory, META_PROPERTIES_FILE)
  if (!disk.exists(path)) return undefined
  const text = readFile(disk, path).toString('latin1')
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=')
    if (equals > 0 && !line.startsWith('#'))
      values.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim())
  }
  const refuse = (why: string, hint: string): never => {
    throw logError('MR_LOG_DIRECTORY_INVALID', 'KAFKA_STORAGE_ERROR', `"${path}" ${why}`, {
      where: path,
      hint,
    })
  }
  const checksum = /^#checksum=(\d+)\n/.exec(text)
  const body = checksum === null ? '' : text.slice(checksum[0].length)
  if (checksum !== null && crc32c(Buffer.from(body, 'latin1')) !== Number(checksum[1])) {
    refuse(
      'does not match its checksum',
      'Restore the file from a copy, or remove it to give the directory a new identity.',
    )
  }
  const version = values.get('version')
  if (version !== VERSION)
    refuse(
      `has version ${version ?? 'none'}, known is ${VERSION}`,
      'Use the version of Millrace that wrote it.',
    )
  const clusterId = values.get('cluster.id')
  const nodeId = Number(values.get('node.id'))
  if (clusterId === undefined || !Number.isInteger(nodeId) || values.get('node.id') === '') {
    return refuse(
      'has no cluster.id or node.id',
      'Restore the file from a copy, or remove it to give the directory a new identity.',
    )
  }
  return { clusterId, nodeId, directoryId: values.get('directory.id') ?? '' }
}
