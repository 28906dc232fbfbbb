import { option } from '../../connector/index.ts'

export const fileOptions = {
  directory: option.path({
    required: true,
    summary: 'Where files are written. It belongs to the sink alone.',
  }),
  path: option.text({
    default: '%{topic}/%Y-%m-%d/%H.jsonl',
    summary:
      'The path of the file for a record, with %{header}, %{topic}, %{partition}, %t, %Y, %m, %d, %H, %M, %S (UTC).',
  }),
  format: option.choice(['record', 'value'], {
    default: 'record',
    summary: 'What a line holds: key, timestamp and value, or the value alone.',
  }),
  openFilesMax: option.number({
    default: 64,
    min: 1,
    max: 10_000,
    summary: 'Files that are open at once; the least recently used is closed first.',
  }),
  bufferBytes: option.size({
    default: '4MiB',
    min: 0,
    max: 2 ** 30,
    summary: 'Lines that are kept in memory before they are written.',
  }),
} as const
