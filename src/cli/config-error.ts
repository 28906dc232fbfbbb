/** What a user is told about a configuration that does not load or is not legal: always a place and what to do. */
import { codeFrame, positionAt } from '../core/code-frame.ts'
import { nearestName } from '../core/did-you-mean.ts'
import { isMillraceError, MillraceError, messageOf } from '../core/errors.ts'
import { type Disk, readFile } from '../platform/disk.ts'

/** The same error with a hint, where it has none. */
export async function withAdvice(error: unknown): Promise<unknown> {
  if (!isMillraceError(error, 'MR_CONFIG_INVALID') || error.hint !== undefined) return error
  return changed(error, { hint: await adviceFor(error.cause ?? error) })
}

async function adviceFor(cause: unknown): Promise<string> {
  const [, owner, name] = /'([^']+)' does not provide an export named '([^']+)'/.exec(messageOf(cause)) ?? []
  if (owner !== undefined && name !== undefined) {
    // As the user's file sees it: the running copy, whatever is installed.
    const known = /^millrace(\/|$)/.test(owner)
      ? nearestName(name, Object.keys(await import(owner)))
      : undefined
    return known === undefined ? `See what ${owner} exports.` : `Did you mean "${known}"?`
  }
  if (cause instanceof SyntaxError) return 'Correct the syntax there, and start again. Nothing was started.'
  return 'The file threw this while it was loaded; -v shows from where. Nothing was started.'
}

/** The same error with line, column and code frame of the setting that it is about, where that is in the file. */
export function withPlace(error: unknown, file: string, disk: Disk): unknown {
  if (!isMillraceError(error, 'MR_CONFIG_INVALID')) return error
  const setting = error.context['setting']
  if (typeof setting !== 'string') return error
  const text = readFile(disk, file).toString()
  const found = new RegExp(`(?<=[{,\\s])(['"]?)${escaped(setting)}\\1(?=\\s*[:,}])`).exec(text)
  if (found === null) return error
  const position = positionAt(text, found.index)
  return changed(error, {
    where: `${file}:${position.line}:${position.column}`,
    frame: codeFrame(text, position),
  })
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

function changed(
  error: MillraceError,
  details: { readonly hint?: string; readonly where?: string; readonly frame?: string },
): MillraceError {
  const { code, message, context, retriable, cause } = error
  const { hint = error.hint, where = error.where, frame = error.frame } = details
  return new MillraceError(code, message, {
    context,
    retriable,
    cause,
    ...(hint === undefined ? {} : { hint }),
    ...(where === undefined ? {} : { where }),
    ...(frame === undefined ? {} : { frame }),
  })
}
