/**
 * Kafka's JAAS texts: `…PlainLoginModule required username="alice" password="hers";`, and the users of PLAIN in one:
 * `…PlainLoginModule required user_alice="her password" user_bob="his";`.
 */
import { MillraceError } from '../../../core/errors.ts'

const module = /^\s*(\S+)\s+required\s*/
const option = /([\w.-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))\s*/y
const USER = 'user_'

export interface JaasText {
  /** The last part of its name: `PlainLoginModule`. */
  readonly module: string
  readonly options: ReadonlyMap<string, string>
}

/** What a JAAS text says; undefined for one that cannot be read. */
export function parseJaas(text: string): JaasText | undefined {
  const head = module.exec(text)
  if (head === null) return undefined
  const options = new Map<string, string>()
  option.lastIndex = head[0].length
  let at = option.lastIndex
  for (let found = option.exec(text); found !== null; found = option.exec(text)) {
    at = option.lastIndex
    const [, name = '', quoted, bare] = found
    options.set(name, quoted === undefined ? bare! : quoted.replaceAll(/\\(.)/g, '$1'))
  }
  if (!/^\s*;\s*$/.test(text.slice(at))) return undefined
  return { module: head[1]!.split('.').at(-1)!, options }
}

/** @throws MR_CONFIG_INVALID, without a word of the text, which has passwords */
export function jaasUsers(text: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>()
  if (text.trim() === '') return users
  const parsed = parseJaas(text)
  if (parsed === undefined || !parsed.module.endsWith('PlainLoginModule')) throw illegal()
  for (const [name, value] of parsed.options) {
    // `username` and `password` are those of the broker as a client of other brokers: there are none.
    if (name.startsWith(USER) && name.length > USER.length) users.set(name.slice(USER.length), value)
  }
  return users
}

function illegal(): MillraceError {
  return new MillraceError('MR_CONFIG_INVALID', 'plain.sasl.jaas.config cannot be read', {
    where: 'plain.sasl.jaas.config',
    hint: 'Write org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="her password";',
  })
}
