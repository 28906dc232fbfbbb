import { MillraceError } from '../core/errors.ts'
import type { Process } from '../platform/process.ts'
import { type CommandFlags, globalFlags } from './command.ts'

/**
 * The brokers to start from: `--brokers`, else `MILLRACE_BROKERS`, else those of the properties file, else this
 * machine's.
 *
 * @throws MR_USAGE when none is named
 */
export function brokerAddresses(
  flags: CommandFlags,
  host: Process,
  ofProperties?: readonly string[],
): readonly string[] {
  const fallback = globalFlags.find(({ name }) => name === 'brokers')?.default ?? ''
  const given = flags.text('brokers') ?? (host.env('MILLRACE_BROKERS') || ofProperties?.join(','))
  const addresses = (given ?? fallback)
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '')
  if (addresses.length > 0) return addresses
  throw new MillraceError('MR_USAGE', 'no broker is named', {
    hint: 'Write --brokers HOST:PORT, or several with commas between.',
  })
}
