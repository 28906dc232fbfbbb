/** Users of PLAIN from Kafka's JAAS text: `…PlainLoginModule required user_alice="her password" user_bob="his";`. */
import { MillraceError } from '../../../core/errors.ts'

const module = /^\s*(\S+)\s+required\s*/
const option = /([\w.-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))\s*/y
const USER = 'user_'

/** @throws MR_CONFIG_INVALID, without a word of the text, which has passwords */
export function jaasUsers(text: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>()
  if (text.trim() === '') return users
  const head = module.exec(text)
  if (head === null || !head[1]!.endsWith('PlainLoginModule')) throw illegal()
  option.lastIndex = head[0].length
  let at = option.lastIndex
  for (let found = option.exec(text); found !== null; found = option.exec(text)) {
    at = option.lastIndex
    const [, name = '', quoted, bare] = found
    const value = quoted === undefined ? bare! : quoted.replaceAll(/\\(.)/g, '$1')
    // `username` and `password` are those of the broker as a client of other brokers: there are none.
    if (name.startsWith(USER) && name.length > USER.length) users.set(name.slice(USER.length), value)
  }
  if (!/^\s*;\s*$/.test(text.slice(at))) throw illegal()
  return users
}

function illegal(): MillraceError {
  return new MillraceError('MR_CONFIG_INVALID', 'plain.sasl.jaas.config cannot be read', {
    where: 'plain.sasl.jaas.config',
    hint: 'Write org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="her password";',
  })
}
