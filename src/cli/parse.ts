/** From command line to command: finds it in the table and reads its arguments and flags with commander. */
import { Command, CommanderError, Option } from 'commander'
import { suggestName } from '../core/did-you-mean.ts'
import { durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import {
  type CommandArguments,
  type CommandFlags,
  type CommandSpec,
  type FlagSpec,
  globalFlags,
} from './command.ts'
import { commands } from './commands.ts'

const COLUMNS = 80
/** Summaries are wrapped into no less. */
const WRAP_WIDTH_MIN = 20
const OWN_FLAGS = 'Flags:'
const GLOBAL_FLAGS = 'Flags of every command:'

export interface ParsedCommand {
  readonly spec: CommandSpec
  readonly arguments: CommandArguments
  readonly flags: CommandFlags
}

/** Help that was asked for, in place of a command. */
export interface HelpText {
  readonly help: string
}

/** @param columns the width that help is laid out for. @throws MR_USAGE */
export function parseCommandLine(argv: readonly string[], columns = COLUMNS): ParsedCommand | HelpText {
  const at = commandIndex(argv)
  const words = argv.slice(at).filter((word) => !word.startsWith('-'))
  if (words.length === 0) return overview()
  if (words[0] === 'help') return helpOf(words.slice(1), argv, columns)
  const spec = findCommand(argv.slice(at, at + 2))
  if (spec === undefined) {
    const group = `${words[0]} `
    const asked = argv.includes('--help') || argv.includes('-h')
    if (asked && commands.some(({ name }) => name.startsWith(group))) return overview(group)
    throw unknownCommand(argv.slice(at, at + 2))
  }
  const rest = argv.toSpliced(at, spec.name.split(' ').length)
  let help = ''
  const parser = parserOf(spec, columns, (text) => {
    help += text
  })
  try {
    parser.parse(rest, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.helpDisplayed') return { help }
    throw new MillraceError('MR_USAGE', error.message.replace(/^error: /, '').replaceAll('\n', ' '), {
      hint: `See \`millrace ${spec.name} --help\`.`,
    })
  }
  return { spec, arguments: argumentsOf(spec, parser), flags: flagsOf(spec, parser) }
}

/** Where the command's name begins: flags that every command takes may stand before it. */
function commandIndex(argv: readonly string[]): number {
  let at = 0
  while (argv[at]?.startsWith('-')) {
    const word = argv[at]!
    const flag = globalFlags.find(({ name, short }) => word === `--${name}` || word === `-${short}`)
    at += flag?.value === undefined ? 1 : 2
  }
  return at
}

function findCommand(words: readonly string[]): CommandSpec | undefined {
  const two = words.slice(0, 2).join(' ')
  return commands.find((known) => known.name === two) ?? commands.find((known) => known.name === words[0])
}

function unknownCommand(words: readonly string[]): MillraceError {
  const [group = '', verb = ''] = words
  const verbs = commands
    .filter((known) => known.name.startsWith(`${group} `))
    .map((known) => known.name.slice(group.length + 1))
  if (verbs.length === 0) {
    const names = commands.flatMap(({ name }) => [name, name.split(' ')[0]!])
    return new MillraceError('MR_USAGE', `no command "${group}"`, {
      hint: suggestName(group, new Set(names)),
    })
  }
  if (verb === '' || verb.startsWith('-')) {
    const lines = verbs.map((known) => `\`millrace ${group} ${known}\``)
    return new MillraceError('MR_USAGE', `"${group}" needs to be told what to do`, {
      hint: `Write one of ${lines.join(', ')}.`,
    })
  }
  return new MillraceError('MR_USAGE', `no command "${group} ${verb}"`, { hint: suggestName(verb, verbs) })
}

/** `help`, `help consume`, `help --json`. @throws MR_USAGE */
function helpOf(words: readonly string[], argv: readonly string[], columns: number): HelpText {
  if (words.length > 0) return parseCommandLine([...words, '--help'], columns) as HelpText
  if (!argv.includes('--json')) return overview()
  const description = { commands: commands.map(({ load: _, ...spec }) => spec), globalFlags }
  return { help: `${JSON.stringify(description, null, 2)}\n` }
}

/** The commands whose names begin with `prefix`. */
function overview(prefix = ''): HelpText {
  const shown = commands.filter(({ name }) => name.startsWith(prefix))
  const width = Math.max(...shown.map(({ name }) => name.length))
  const lines = shown.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  const usage = `Usage: millrace ${prefix === '' ? '<command>' : `${prefix}<command>`} [arguments] [flags]`
  return { help: `${usage}\n\n${lines.join('\n')}\n\nmillrace <command> --help says more.\n` }
}

function parserOf(spec: CommandSpec, columns: number, writeOut: (text: string) => void): Command {
  const parser = new Command(`millrace ${spec.name}`)
    .description(spec.summary)
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut, getOutHelpWidth: () => columns })
    .configureHelp({ minWidthToWrap: WRAP_WIDTH_MIN })
    .allowExcessArguments(false)
    .addHelpOption(new Option('-h, --help', 'this text').helpGroup(GLOBAL_FLAGS))
  const usage = (spec.arguments ?? []).map(({ name, summary, required, many }) => {
    const dots = many === true ? '...' : ''
    const shown = required === true ? `<${name}${dots}>` : `[${name}${dots}]`
    parser.argument(shown, summary)
    return shown
  })
  parser.usage([...usage, '[flags]'].join(' '))
  const own = spec.flags ?? []
  for (const flag of own) parser.addOption(optionOf(flag).helpGroup(OWN_FLAGS))
  for (const flag of globalFlags) {
    if (own.some((other) => other.name === flag.name)) continue
    parser.addOption(optionOf(flag).helpGroup(GLOBAL_FLAGS))
  }
  const { examples = [] } = spec
  if (examples.length > 0) {
    const width = Math.max(...examples.map(([line]) => line.length))
    const lines = examples.map(([line, does]) => `  ${line.padEnd(width)}  ${does}`)
    parser.addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
  }
  return parser
}

function optionOf(flag: FlagSpec): Option {
  const short = flag.short === undefined ? '' : `-${flag.short}, `
  const value = flag.value === undefined ? '' : ` <${flag.value}>`
  const shown = flag.default === undefined ? '' : ` (default: ${flag.default})`
  const option = new Option(`${short}--${flag.name}${value}`, `${flag.summary}${shown}`)
  if (flag.many === true)
    option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text])
  return option
}

function argumentsOf(spec: CommandSpec, parser: Command): CommandArguments {
  const values = new Map<string, readonly string[]>()
  spec.arguments?.forEach(({ name }, at) => {
    const value = parser.processedArgs[at] as string | string[] | undefined
    values.set(name, value === undefined ? [] : [value].flat())
  })
  return {
    one: (name) => values.get(name)?.[0] ?? '',
    many: (name) => values.get(name) ?? [],
  }
}

function flagsOf(spec: CommandSpec, parser: Command): CommandFlags {
  const given = parser.opts<Record<string, string | string[] | boolean | undefined>>()
  const specs = [...(spec.flags ?? []), ...globalFlags]
  const valueNamed = (name: string): string | string[] | boolean | undefined => {
    // commander reads --no-color as color: false.
    if (name.startsWith('no-')) return given[camelCase(name.slice(3))] === false
    return given[camelCase(name)]
  }
  const text = (name: string): string | undefined => {
    const value = valueNamed(name)
    return typeof value === 'string' ? value : undefined
  }
  return {
    text,
    texts: (name) => [valueNamed(name) ?? []].flat().map(String),
    on: (name) => valueNamed(name) === true,
    whole: (name, range = {}) => wholeNumber(name, text(name), range),
    durationMs: (name) => {
      const value = text(name) ?? specs.find((flag) => flag.name === name)?.default
      return value === undefined ? undefined : durationMs(value)
    },
  }
}

function wholeNumber(
  name: string,
  text: string | undefined,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { readonly min?: number; readonly max?: number },
): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^-?\d+$/.test(text) && value >= min && value <= max) return value
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`
  throw new MillraceError('MR_USAGE', `--${name} takes a whole number ${range}, not "${text}"`)
}

function camelCase(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
