/** The flag `--command-config FILE`: how a secured cluster is reached, in the properties of Kafka's own tools. */
import { MillraceError } from '../core/errors.ts'
import { joinPath, readFile } from '../platform/disk.ts'
import type { CommandContext } from './command.ts'
import { bootstrapServers, type ClientSecurity, clientSecurity } from './kafka-properties.ts'
import { parseProperties } from './properties-file.ts'
import { resolveAll } from './secret-references.ts'

export interface CommandConfig {
  /** `bootstrap.servers`, if the file names them. */
  readonly brokers: readonly string[] | undefined
  readonly security: ClientSecurity
}

const nothing: CommandConfig = { brokers: undefined, security: {} }

/**
 * What the file says that the flag names, or `MILLRACE_COMMAND_CONFIG`. Relative paths in it are read against the
 * directory where the command was called, as by Kafka's tools.
 *
 * @throws MR_FILE_NOT_FOUND, MR_CONFIG_INVALID
 */
export function commandConfig(context: CommandContext): CommandConfig {
  const { flags, process: host } = context
  const flag = 'command-config'
  return configInFile(context, flag, flags.text(flag) ?? (host.env('MILLRACE_COMMAND_CONFIG') || undefined))
}

/** The same of a file that another flag names, if it does. @throws MR_FILE_NOT_FOUND, MR_CONFIG_INVALID */
export function configInFile(
  { platform: { disk }, process: host }: CommandContext,
  flag: string,
  named: string | undefined,
): CommandConfig {
  if (named === undefined) return nothing
  const path = named.startsWith('/') ? named : joinPath(host.cwd, named)
  if (!disk.exists(path)) {
    throw new MillraceError('MR_FILE_NOT_FOUND', `there is no file "${named}"`, {
      where: `--${flag}`,
      hint: 'Name a properties file as for Kafka’s tools, with security.protocol and what belongs to it.',
    })
  }
  const place = { disk, process: host, file: named, directory: host.cwd }
  const properties = resolveAll(
    Object.fromEntries(parseProperties(readFile(disk, path).toString('utf8'))),
    place,
  )
  return { brokers: bootstrapServers(properties), security: clientSecurity(properties, place) }
}
