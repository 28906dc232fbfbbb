/**
 * Source `spool-directory`: reads the files that are put into a directory, each once, in order.
 *
 *     spoolDirectory({ directory: 'incoming', includePattern: '.*[.]csv[.]gz', deserializer: csv({ nulls: ['NA'] }) })
 *
 * A file whose name ends in `.gz` is unpacked. Put files there under a hidden name or with the suffix `.tmp` and
 * rename them, or write them at once: a file is taken up when it has not changed for `pollDelay`. A file that
 * changes afterwards, or a name that is used again, stops the source with MR_SOURCE_FILE_CHANGED. A row that cannot
 * be read is a failed event with file, line and bytes, and stops nothing.
 */
import { defineSource, resolvePath } from '../../connector/index.ts'
import { blobDeserializer } from './blob-deserializer.ts'
import { CharsetDecoder } from './charset.ts'
import { checkSpoolOptions } from './check-options.ts'
import { csvDeserializer } from './csv-deserializer.ts'
import type { DeserializerFactory } from './deserializer.ts'
import { lineDeserializer } from './line-deserializer.ts'
import { type SpoolOptions, spoolOptions } from './options.ts'
import { checkDirectory, SpoolSource } from './spool-source.ts'

export type { CsvRow } from './csv-deserializer.ts'
export { blob, csv, line } from './options.ts'

export const spoolDirectory = defineSource({
  name: 'spool-directory',
  summary: 'Reads the files that are put into a directory, each once, in order.',
  replayable: true,
  options: spoolOptions,
  check: checkSpoolOptions,
  async open({ options, ...context }) {
    const directory = resolvePath(context.baseDirectory, options.directory)
    checkDirectory(context, directory)
    return new SpoolSource(context, {
      ...options,
      directory,
      deserializer: deserializerFor(options.deserializer),
      decoder: new CharsetDecoder(options.inputCharset, options.decodeErrorPolicy),
      fileHeaderKey: options.fileHeader ? options.fileHeaderKey : undefined,
      basenameHeaderKey: options.basenameHeader ? options.basenameHeaderKey : undefined,
    })
  },
})

function deserializerFor(form: SpoolOptions['deserializer']): DeserializerFactory {
  if (form.type === 'csv') return (input) => csvDeserializer(input, form)
  if (form.type === 'blob') return (input) => blobDeserializer(input, form)
  return (input) => lineDeserializer(input, form)
}

export default spoolDirectory
