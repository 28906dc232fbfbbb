/**
 * The table of topics on the disk, `topics.json`: names, ids, partitions, settings. Replaced as a whole, so that
 * after a crash it is the old one or the new one.
 *
 * It also holds the settings of the broker that were changed at run time, by Kafka's names.
 */
import { crc32c } from '../../core/crc32c.ts'
import { MillraceError } from '../../core/errors.ts'
import { type Disk, joinPath, readFile, replaceFile } from '../../platform/disk.ts'

export const TOPIC_TABLE_FILE = 'topics.json'
const VERSION = 1

export interface TopicRow {
  readonly name: string
  /** As Kafka writes it: base64url of the 16 bytes. */
  readonly id: string
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

export interface TopicTableContent {
  /** Goes up with every start after an unclean end, so that clients see that the end of a log may have changed. */
  readonly leaderEpoch: number
  readonly topics: readonly TopicRow[]
  /** Settings changed by AlterConfigs on the broker. */
  readonly brokerConfigs: Readonly<Record<string, string>>
}

export class TopicTable {
  private readonly disk: Disk
  private readonly path: string

  constructor(disk: Disk, dataDirectory: string) {
    this.disk = disk
    this.path = joinPath(dataDirectory, TOPIC_TABLE_FILE)
  }

  /** What is in the file; undefined when there is none. @throws MR_CHECKSUM, MR_BYTES_INVALID */
  read(): TopicTableContent | undefined {
    if (!this.disk.exists(this.path)) return undefined
    const text = readFile(this.disk, this.path).toString('utf8')
    const [head = '', ...rest] = text.split('\n')
    const body = rest.join('\n')
    const match = /^millrace topics (\d+) ([0-9a-f]{8})$/.exec(head)
    if (match === null || Number(match[1]) !== VERSION) {
      throw this.unusable(
        'MR_BYTES_INVALID',
        `its head "${head.slice(0, 60)}" is not that of version ${VERSION}`,
      )
    }
    if (match[2] !== checksum(body)) throw this.unusable('MR_CHECKSUM', 'it does not match its checksum')
    return JSON.parse(body) as TopicTableContent
  }

  write(content: TopicTableContent): void {
    const body = `${JSON.stringify(content, null, 1)}\n`
    replaceFile(this.disk, this.path, Buffer.from(`millrace topics ${VERSION} ${checksum(body)}\n${body}`))
  }

  private unusable(code: 'MR_CHECKSUM' | 'MR_BYTES_INVALID', why: string): MillraceError {
    return new MillraceError(code, `"${this.path}" cannot be used: ${why}`, {
      where: this.path,
      hint: 'Put a copy back, or remove the file: topics are then taken from the folders that are there, with default settings.',
    })
  }
}

const checksum = (text: string): string => crc32c(Buffer.from(text, 'utf8')).toString(16).padStart(8, '0')
