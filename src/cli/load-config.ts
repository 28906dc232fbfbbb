/** Finds and loads the configuration that a command names. */
import { MillraceError } from '../core/errors.ts'
import { directoryOf, joinPath } from '../platform/disk.ts'
import { nodeModules } from '../platform/node/modules.ts'
import { checkConfig, type MillraceConfig } from '../server/instance/config.ts'
import type { CommandContext } from './command.ts'
import { withAdvice, withPlace } from './config-error.ts'
import { type ReferencePlace, resolveAll } from './secret-references.ts'

const names = [
  'millrace.config.ts',
  'millrace.config.mts',
  'millrace.config.js',
  'millrace.config.mjs',
  'millrace.config.json',
]

export interface LoadedConfig {
  readonly config: MillraceConfig
  /** Absolute. */
  readonly file: string
  readonly title: string
}

/** The configuration that the command names, if it does. */
export function namedConfig({ arguments: words, flags, process: host }: CommandContext): string | undefined {
  return words.one('config') || flags.text('config') || host.env('MILLRACE_CONFIG') || undefined
}

/** @throws MR_CONFIG_NOT_FOUND, MR_CONFIG_INVALID */
export async function loadConfig(context: CommandContext): Promise<LoadedConfig> {
  const named = namedConfig(context)
  const file = named === undefined ? findConfig(context) : absolute(context, named)
  const config = await configOf(context, file)
  const directory = directoryOf(file)
  return { config, file, title: config.title ?? directory.slice(directory.lastIndexOf('/') + 1) }
}

async function configOf(context: CommandContext, file: string): Promise<MillraceConfig> {
  const exports = await nodeModules.load(file).catch(async (error: unknown) => {
    throw await withAdvice(error)
  })
  try {
    const config = checkConfig(exports['default'], file)
    return withSecrets(config, { ...context, ...context.platform, file, directory: directoryOf(file) })
  } catch (error) {
    throw withPlace(error, file, context.platform.disk)
  }
}

/** The configuration with what its references to secrets stand for. @throws MR_CONFIG_INVALID */
function withSecrets(config: MillraceConfig, place: ReferencePlace): MillraceConfig {
  const { broker, kafka } = config
  if (broker === undefined && kafka === undefined) return config
  const { settings = {}, users = {} } = broker ?? {}
  const told = { settings: resolveAll(settings, place), users: resolveAll(users, place) }
  return {
    ...config,
    ...(broker === undefined ? {} : { broker: told }),
    ...(kafka === undefined ? {} : { kafka: resolveAll(kafka, place) }),
  }
}

/** The file that `names` finds in the directory where the command was called, if there is one. */
export function presentConfig(context: CommandContext): string | undefined {
  return names.map((name) => absolute(context, name)).find((path) => context.platform.disk.exists(path))
}

function findConfig(context: CommandContext): string {
  const found = presentConfig(context)
  if (found !== undefined) return found
  throw new MillraceError('MR_CONFIG_NOT_FOUND', `no configuration in ${context.process.cwd}`, {
    hint: `Write ${names[0]}, or name a file: millrace dev path/to/${names[0]}`,
  })
}

function absolute(context: CommandContext, path: string): string {
  return path.startsWith('/') ? path : joinPath(context.process.cwd, path)
}
