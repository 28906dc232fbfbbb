import { MillraceError } from '../core/errors.ts'

/** What `--set` gives. @throws MR_USAGE for a text without a name or `=`, and for a name that is given twice */
export function settingsOf(texts: readonly string[]): ReadonlyMap<string, string> {
  const settings = new Map<string, string>()
  for (const text of texts) {
    const at = text.indexOf('=')
    if (at <= 0) {
      throw new MillraceError('MR_USAGE', `"${text}" is not a setting`, {
        hint: 'Write --set NAME=VALUE, such as --set retention.ms=3600000.',
      })
    }
    const name = text.slice(0, at)
    if (settings.has(name)) throw new MillraceError('MR_USAGE', `${name} is set twice`)
    settings.set(name, text.slice(at + 1))
  }
  return settings
}
