/** The options of the spooling-directory source: Flume's, under the names that Millrace uses throughout. */
import { type OptionInputs, type OptionValues, option } from '../../connector/index.ts'

const lineOptions = {
  maxLineLength: option.number({
    default: 2048,
    min: 16,
    max: 2 ** 20,
    summary: 'Longest event in bytes; what is longer continues in the next event, as in Flume.',
  }),
}

const csvOptions = {
  header: option.boolean({ default: true, summary: 'The first row names the columns.' }),
  columns: option.list(option.text({ summary: 'A column.' }), {
    default: [],
    summary: 'The names of the columns when there is no header.',
  }),
  nulls: option.list(option.text({ summary: 'A text.', empty: true }), {
    default: [],
    summary: 'Texts that stand for null, quoted or not.',
  }),
  delimiter: option.text({ default: ',', summary: 'One character between fields.' }),
  quote: option.text({
    default: '"',
    summary: 'One character around fields; doubled, it stands for itself.',
  }),
  maxRowLength: option.size({
    default: '1MiB',
    min: 1024,
    max: 64 * 2 ** 20,
    summary: 'Longest row; a longer one is a failed event.',
  }),
}

const blobOptions = {
  maxBlobLength: option.size({
    default: 100_000_000,
    min: 1,
    max: 2 ** 30,
    summary: 'Longest event; a longer file gives several events.',
  }),
}

export const deserializers = {
  line: { summary: 'An event per line; its body is the text.', options: lineOptions },
  csv: {
    summary: 'An event per row; its body is an object with a text or null per column.',
    options: csvOptions,
  },
  blob: { summary: 'An event per file; its body is the bytes.', options: blobOptions },
} as const

export const spoolOptions = {
  directory: option.path({ required: true, summary: "The directory to read (Flume's spoolDir)." }),
  includePattern: option.pattern({
    default: '.*',
    summary: 'File names that are read; the whole name must match.',
  }),
  ignorePattern: option.pattern({
    summary: 'File names that are left alone although they are included; the whole name must match.',
  }),
  recursive: option.boolean({
    default: false,
    summary: "Read directories below too (Flume's recursiveDirectorySearch).",
  }),
  consumeOrder: option.choice(['name', 'oldest', 'youngest'], {
    default: 'name',
    summary:
      'Which file comes first. By name the order is the same for every copy of the directory; Flume starts with the oldest.',
  }),
  pollDelay: option.duration({
    default: '500ms',
    min: 1,
    summary:
      'How often to look for new files, and how long a file must not have changed before it is taken up.',
  }),
  batchSize: option.number({
    default: 1000,
    min: 1,
    max: 100_000,
    summary: 'Largest number of rows that are handed on at once (Flume: 100).',
  }),
  fileHeader: option.boolean({ default: false, summary: 'Add a header with the path of the file.' }),
  fileHeaderKey: option.text({ default: 'file', summary: 'The name of that header.' }),
  basenameHeader: option.boolean({ default: false, summary: 'Add a header with the name of the file.' }),
  basenameHeaderKey: option.text({ default: 'basename', summary: 'The name of that header.' }),
  inputCharset: option.text({ default: 'UTF-8', summary: 'The charset of the files.' }),
  decodeErrorPolicy: option.choice(['FAIL', 'REPLACE', 'IGNORE'], {
    default: 'FAIL',
    summary:
      'Bytes that are not text: the row is a failed event, or U+FFFD stands for them, or they are left out.',
  }),
  deserializer: option.variant(deserializers, {
    default: { type: 'line' },
    summary: 'How the bytes of a file become events.',
  }),
  trackedFilesMax: option.number({
    default: 10_000,
    min: 1,
    max: 1_000_000,
    summary:
      'Files that are remembered as done. Beyond it, those that are gone from the directory are forgotten.',
  }),
} as const

export type SpoolOptions = OptionValues<typeof spoolOptions>

type FormOf<Type extends keyof typeof deserializers> = { readonly type: Type } & OptionInputs<
  (typeof deserializers)[Type]['options']
>

/** An event per line. */
export function line(options: OptionInputs<typeof lineOptions> = {}): FormOf<'line'> {
  return { type: 'line', ...options }
}

/** An event per row of CSV. */
export function csv(options: OptionInputs<typeof csvOptions> = {}): FormOf<'csv'> {
  return { type: 'csv', ...options }
}

/** An event per file. */
export function blob(options: OptionInputs<typeof blobOptions> = {}): FormOf<'blob'> {
  return { type: 'blob', ...options }
}
