/** Finds and loads the configuration that a command names. */
import { MillraceError } from '../core/errors.ts'
import { directoryOf, joinPath } from '../platform/disk.ts'
import { nodeModules } from '../platform/node/modules.ts'
import { checkConfig, type MillraceConfig } from '../server/instance/config.ts'
import type { CommandContext } from './command.ts'
import { withAdvice, withPlace } from './config-error.ts'

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

/** @throws MR_CONFIG_NOT_FOUND, MR_CONFIG_INVALID */
export async function loadConfig(context: CommandContext): Promise<LoadedConfig> {
  const named =
    context.arguments.one('config') || context.flags.text('config') || context.process.env('MILLRACE_CONFIG')
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
    return checkConfig(exports['default'], file)
  } catch (error) {
    throw withPlace(error, file, context.platform.disk)
  }
}

function findConfig(context: CommandContext): string {
  const found = names
    .map((name) => absolute(context, name))
    .find((path) => context.platform.disk.exists(path))
  if (found !== undefined) return found
  throw new MillraceError('MR_CONFIG_NOT_FOUND', `no configuration in ${context.process.cwd}`, {
    hint: `Write ${names[0]}, or name a file: millrace dev path/to/${names[0]}`,
  })
}

function absolute(context: CommandContext, path: string): string {
  return path.startsWith('/') ? path : joinPath(context.process.cwd, path)
}
