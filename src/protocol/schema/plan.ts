/** The compiled form of one version of a message, made on first use. */
import type { ByteReader } from '../../core/byte-reader.ts'
import { MillraceError } from '../../core/errors.ts'
import type { FrameWriter } from '../codec/frame-writer.ts'
import { type CompleteValue, compileStructCompleter } from './complete-plan.ts'
import type { Form } from './layout.ts'
import type { AnyMessage } from './message.ts'
import { compileStructReader, type ReadValue } from './read-plan.ts'
import { compileStructWriter, type WriteValue } from './write-plan.ts'

export class MessagePlan {
  private readonly message: AnyMessage
  private readonly form: Form
  private reader: ReadValue | undefined
  private writer: WriteValue | undefined
  private completer: CompleteValue | undefined

  constructor(message: AnyMessage, version: number) {
    this.message = message
    this.form = { version, flexible: version >= message.flexibleFrom }
  }

  read(reader: ByteReader): unknown {
    this.reader ??= compileStructReader(this.message.fields, this.form, '')
    return this.reader(reader)
  }

  write(frame: FrameWriter, value: unknown): void {
    this.writer ??= compileStructWriter(this.message.fields, this.form, '')
    this.writer(frame, value)
  }

  complete(value: unknown): unknown {
    this.completer ??= compileStructCompleter(this.message.fields, this.form, '')
    return this.completer(value)
  }
}

/** @throws MR_PROTOCOL_VERSION_UNSUPPORTED when the table has no such version */
export function planOf(message: AnyMessage, version: number): MessagePlan {
  const made = message.plans[version]
  if (made !== undefined) return made
  const [first, last] = message.versions
  if (!Number.isInteger(version) || version < first || version > last) {
    throw new MillraceError(
      'MR_PROTOCOL_VERSION_UNSUPPORTED',
      `${message.name} has no version ${version}, only ${first} to ${last}`,
      { context: { message: message.name, version } },
    )
  }
  const plan = new MessagePlan(message, version)
  message.plans[version] = plan
  return plan
}
