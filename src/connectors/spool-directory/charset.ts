/**
 * Bytes of a charset as UTF-8, and what is done about bytes that are not text in it: Flume's policies.
 *
 * Rows are found as bytes, so only charsets are legal in which line feeds, quotes and delimiters are single bytes
 * that occur in no other character.
 */
import { isUtf8 } from 'node:buffer'
import { TextDecoder } from 'node:util'
import { MillraceError } from '../../core/errors.ts'

/** `FAIL`: the row is a failed event. `REPLACE`: U+FFFD stands for the bytes. `IGNORE`: they are left out. */
export type DecodeErrorPolicy = 'FAIL' | 'REPLACE' | 'IGNORE'

const replacement = '\uFFFD'
const unfitCharsets = /^(utf-16|iso-2022|replacement|x-user-defined)/

/** The WHATWG name of a charset. @throws MR_OPTION_INVALID */
export function checkCharset(label: string): string {
  const name = nameOf(label)
  if (name === undefined || unfitCharsets.test(name)) {
    const reason = name === undefined ? 'is not a charset that is known' : 'cannot be split into rows'
    throw new MillraceError('MR_OPTION_INVALID', `option "inputCharset": "${label}" ${reason}`, {
      hint: 'Use UTF-8, ISO-8859-1 or another charset in which a line feed is one byte.',
    })
  }
  return name
}

function nameOf(label: string): string | undefined {
  try {
    return new TextDecoder(label).encoding
  } catch {
    return undefined
  }
}

export class CharsetDecoder {
  readonly charset: string
  private readonly policy: DecodeErrorPolicy
  private readonly decoder: TextDecoder

  /** @throws MR_OPTION_INVALID */
  constructor(label: string, policy: DecodeErrorPolicy) {
    this.charset = checkCharset(label)
    this.policy = policy
    this.decoder = new TextDecoder(this.charset, { fatal: policy === 'FAIL', ignoreBOM: true })
  }

  /**
   * The text of the bytes in UTF-8: the bytes themselves if they are that already.
   *
   * @throws MR_RECORD_INVALID by policy FAIL
   */
  toUtf8(bytes: Buffer): Buffer {
    if (this.charset === 'utf-8' && isUtf8(bytes)) return bytes
    const text = this.decode(bytes)
    return Buffer.from(this.policy === 'IGNORE' ? text.replaceAll(replacement, '') : text, 'utf8')
  }

  private decode(bytes: Buffer): string {
    try {
      return this.decoder.decode(bytes)
    } catch (cause) {
      throw new MillraceError('MR_RECORD_INVALID', `the bytes are not text in ${this.charset}`, { cause })
    }
  }
}
