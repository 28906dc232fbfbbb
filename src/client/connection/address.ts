/** `host:port`, `[::1]:9092`. */
import { MillraceError } from '../../core/errors.ts'

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/** @throws MR_OPTION_INVALID */
export function parseAddress(text: string): BrokerAddress {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text.trim())
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port < 1 || port > 65535) {
    throw new MillraceError('MR_OPTION_INVALID', `"${text}" is not the address of a broker`, {
      hint: 'Write host and port, such as localhost:9092.',
    })
  }
  return { host, port }
}

export function formatAddress({ host, port }: BrokerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
