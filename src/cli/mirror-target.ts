/** The other cluster of `topics mirror`: `kafka://host:port,…`. */
import { parseAddress } from '../client/connection/address.ts'
import { isMillraceError, MillraceError } from '../core/errors.ts'

const SCHEME = 'kafka://'
const EXAMPLE = 'Write --to kafka://HOST:PORT, or several with commas between.'

/** The addresses of `--to`. @throws MR_USAGE */
export function targetAddresses(to: string | undefined): readonly string[] {
  if (to === undefined) {
    throw new MillraceError('MR_USAGE', 'the cluster to copy to is not given', { hint: EXAMPLE })
  }
  const scheme = /^([a-z][\w+.-]*:)\/\//i.exec(to)?.[0]
  if (scheme !== SCHEME) {
    const hint = scheme === undefined && to !== '' ? `Write --to ${SCHEME}${to}.` : EXAMPLE
    throw new MillraceError('MR_USAGE', `--to "${to}" does not begin with ${SCHEME}`, { hint })
  }
  const addresses = to
    .slice(SCHEME.length)
    .replace(/\/$/, '')
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '')
  if (addresses.length === 0) {
    throw new MillraceError('MR_USAGE', `--to "${to}" names no broker`, { hint: EXAMPLE })
  }
  for (const address of addresses) checkAddress(to, address)
  return addresses
}

function checkAddress(to: string, address: string): void {
  try {
    parseAddress(address)
  } catch (error) {
    throw new MillraceError('MR_USAGE', `"${address}" in --to "${to}" is not host and port`, {
      hint: EXAMPLE,
      cause: error,
    })
  }
}

/** Says of an error that it is the target that does not answer. */
export function ofTarget(error: unknown): unknown {
  if (!isMillraceError(error, 'MR_BROKER_UNREACHABLE')) return error
  return new MillraceError('MR_BROKER_UNREACHABLE', error.message, {
    hint: 'That is the cluster to copy to: check --to, and that its brokers run and can be reached from here.',
    context: error.context,
    cause: error.cause,
  })
}
