/**
 * From the subject of a client's certificate to the name of a user (Kafka's ssl.principal.mapping.rules).
 *
 *   RULE:^CN=(.*?),.*$/$1/L,DEFAULT
 *
 * The first rule whose pattern fits the whole subject says the name; `$1` are its groups, `L` and `U` change the case.
 * `DEFAULT` is the subject itself. When no rule fits the client is not let in.
 *
 * A pattern must be one that can be matched in linear time, and only a subject that it fits is taken apart: subjects
 * come from clients, and no certificate may keep the broker busy.
 */
import { MillraceError } from '../../core/errors.ts'
import { LinearPattern } from '../linear-pattern.ts'

export type PrincipalMapping = (subject: string) => string | undefined

interface Rule {
  readonly fits: LinearPattern
  readonly parts: RegExp
  readonly replacement: string
  readonly letters: string
}

const SUBJECT_LENGTH_MAX = 2048
const rule = /\s*(?:(DEFAULT)|RULE:((?:\\.|[^\\/])*)\/((?:\\.|[^\\/])*)\/([LU]?))\s*(?:,|$)/y

/** @throws MR_CONFIG_INVALID */
export function principalMapping(text: string): PrincipalMapping {
  const whole = text.trim() === '' ? 'DEFAULT' : text.trim()
  const rules: (Rule | 'default')[] = []
  for (let at = 0; at < whole.length; at = rule.lastIndex) {
    rule.lastIndex = at
    const found = rule.exec(whole)
    if (found === null) throw illegal(text, `it is not understood from "${whole.slice(at, at + 40)}" on`)
    const [, isDefault, pattern = '', replacement = '', letters = ''] = found
    rules.push(isDefault === undefined ? ruleOf(text, pattern, { replacement, letters }) : 'default')
  }
  return (subject) => {
    if (subject.length > SUBJECT_LENGTH_MAX) return undefined
    for (const each of rules) {
      const name = each === 'default' ? subject : apply(each, subject)
      if (name !== undefined) return name
    }
    return undefined
  }
}

function ruleOf(text: string, pattern: string, rest: { replacement: string; letters: string }): Rule {
  const source = pattern.replaceAll('\\/', '/')
  const fits = LinearPattern.tryParse(source.replaceAll(/(?<!\\)([*+?}])\?/g, '$1'))
  if (fits === undefined) throw illegal(text, `the pattern "${source}" cannot be matched in linear time`)
  const parts = new RegExp(`^(?:${source})$`, 'u')
  return { fits, parts, ...rest }
}

function apply({ fits, letters, parts, replacement }: Rule, subject: string): string | undefined {
  if (!fits.matches(subject)) return undefined
  const groups = parts.exec(subject)
  if (groups === null) return undefined
  const name = replacement.replaceAll(/\\(.)|\$(\d)/g, (_, escaped: string | undefined, group: string) =>
    escaped === undefined ? (groups[Number(group)] ?? '') : escaped,
  )
  return letters === 'L' ? name.toLowerCase() : letters === 'U' ? name.toUpperCase() : name
}

function illegal(text: string, why: string): MillraceError {
  return new MillraceError('MR_CONFIG_INVALID', `ssl.principal.mapping.rules "${text}": ${why}`, {
    where: 'ssl.principal.mapping.rules',
    hint: 'Write RULE:pattern/replacement/ with L or U behind it for the case, several with commas between, and DEFAULT last.',
  })
}
