/** Options of the spooling directory that are legal each for itself but not together. */
import { MillraceError } from '../../core/errors.ts'
import { checkCharset } from './charset.ts'
import type { CsvOptions } from './csv-deserializer.ts'
import type { SpoolOptions } from './options.ts'

const LATE_BYTES_FROM = 0x40
/** Charsets in whose characters of several bytes the later ones may be ASCII from 0x40 on. */
const mixedCharsets = /^(shift_jis|gbk|gb18030|big5)$/

/** @throws MR_OPTION_INVALID */
export function checkSpoolOptions(options: SpoolOptions): void {
  const charset = checkCharset(options.inputCharset)
  if (options.deserializer.type === 'csv') checkCsv(options.deserializer, charset)
}

function checkCsv(csv: CsvOptions, charset: string): void {
  for (const name of ['delimiter', 'quote'] as const) {
    const code = csv[name].charCodeAt(0)
    const oneByte = csv[name].length === 1 && code < 0x80 && csv[name] !== '\n' && csv[name] !== '\r'
    if (!oneByte) refuse(name, 'must be one ASCII character, and no line end')
    if (code >= LATE_BYTES_FROM && mixedCharsets.test(charset)) {
      refuse(name, `cannot be told from a part of a character in ${charset}`)
    }
  }
  if (csv.delimiter === csv.quote) refuse('quote', 'must differ from the delimiter')
  const { columns } = csv
  if (csv.header && columns.length > 0) refuse('columns', 'is only for files without a header')
  if (!csv.header && columns.length === 0) refuse('columns', 'is needed for files without a header')
  if (new Set(columns).size !== columns.length) refuse('columns', 'names a column twice')
}

function refuse(name: string, what: string): never {
  throw new MillraceError(
    'MR_OPTION_INVALID',
    `source "spool-directory": option "deserializer.${name}" ${what}`,
    {
      context: { option: `deserializer.${name}` },
    },
  )
}
