/** `partition.metadata`: the id of the topic to which a partition's folder belongs, in Kafka's text format 0. */
import { type Disk, joinPath, readFile, replaceFile } from '../platform/disk.ts'
import { PARTITION_METADATA_FILE } from './file-names.ts'
import { logError } from './log-error.ts'

export function writePartitionMetadata(disk: Disk, directory: string, topicId: Buffer): void {
  const text = `version: 0\ntopic_id: ${topicId.toString('base64url')}\n`
  replaceFile(disk, joinPath(directory, PARTITION_METADATA_FILE), Buffer.from(text, 'latin1'))
}

/**
 * The topic id of a partition's folder, or undefined when it has none.
 *
 * @throws MR_LOG_DIRECTORY_INVALID when the file cannot be read or is of another version
 */
export function readPartitionMetadata(disk: Disk, directory: string): Buffer | undefined {
  const path = joinPath(directory, PARTITION_METADATA_FILE)
  if (!disk.exists(path)) return undefined
  const text = readFile(disk, path).toString('latin1')
  const match = /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n$/.exec(text)
  if (match !== null) return Buffer.from(match[1]!, 'base64url')
  const version = /^version: (\d+)/.exec(text)?.[1]
  const other = version !== undefined && version !== '0'
  throw logError(
    'MR_LOG_DIRECTORY_INVALID',
    'KAFKA_STORAGE_ERROR',
    other ? `"${path}" has version ${version}, known is 0` : `"${path}" cannot be read`,
    {
      where: path,
      hint: other ? 'Use the version of Millrace that wrote it.' : 'Restore the file from a copy.',
    },
  )
}
