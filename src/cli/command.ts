/**
 * What a command is. One table of these (`commands.ts`) is the source of parsing, help, completion and the
 * reference page; each command's code is imported only when it runs.
 */
import type { Logger } from '../core/logger.ts'
import type { Platform } from '../platform/platform.ts'
import type { Process } from '../platform/process.ts'
import type { Terminal } from '../platform/terminal.ts'
import type { Output } from './output.ts'

export interface ArgumentSpec {
  readonly name: string
  readonly summary: string
  readonly required?: boolean
  readonly many?: boolean
}

export interface FlagSpec {
  /** Without dashes: `partitions`. */
  readonly name: string
  readonly short?: string
  /** How its value is called in help; without it the flag is a switch. */
  readonly value?: string
  readonly summary: string
  readonly default?: string
  /** May be given several times. */
  readonly many?: boolean
}

export interface CommandSpec {
  /** One or two words: `consume`, `topics list`. */
  readonly name: string
  readonly summary: string
  readonly arguments?: readonly ArgumentSpec[]
  readonly flags?: readonly FlagSpec[]
  /** Command lines that work as they are, with what they do. */
  readonly examples?: readonly (readonly [line: string, does: string])[]
  /** The TypeScript type of one row of `--json`, for `--output help`. */
  readonly rowType?: string
  readonly load: () => Promise<{ readonly run: CommandRun }>
}

/** Runs a command. What it throws becomes the three lines and the exit status. */
export type CommandRun = (context: CommandContext) => Promise<void>

export interface CommandContext {
  readonly arguments: CommandArguments
  readonly flags: CommandFlags
  readonly output: Output
  readonly terminal: Terminal
  readonly process: Process
  readonly platform: Platform
  readonly logger: Logger
  /** Aborts on Ctrl-C and SIGTERM; the reason is the exit status. */
  readonly signal: AbortSignal
}

export interface CommandArguments {
  /** The argument of that name; the parser has made sure that required ones are there. */
  one(name: string): string
  many(name: string): readonly string[]
}

export interface CommandFlags {
  text(name: string): string | undefined
  texts(name: string): readonly string[]
  on(name: string): boolean
  /** @throws MR_USAGE when it is given and not a whole number within the range */
  whole(name: string, range?: { readonly min?: number; readonly max?: number }): number | undefined
  /** @throws MR_DURATION_INVALID */
  durationMs(name: string): number | undefined
}

/** Flags that every command takes. */
export const globalFlags: readonly FlagSpec[] = [
  {
    name: 'brokers',
    value: 'HOST:PORT,…',
    summary: 'the cluster to talk to; else MILLRACE_BROKERS',
    default: '127.0.0.1:9092',
  },
  {
    name: 'command-config',
    value: 'FILE',
    summary: "a properties file as for Kafka's tools: security.protocol, sasl.*, ssl.*",
  },
  { name: 'config', value: 'FILE', summary: 'the configuration file', default: 'millrace.config.ts' },
  {
    name: 'data',
    value: 'DIR',
    summary: 'where the broker of this process keeps its data',
    default: '.millrace',
  },
  { name: 'json', summary: 'the same as --output json' },
  {
    name: 'output',
    value: 'FORMAT',
    summary: 'table, json, jsonl, csv or markdown; help prints the type of a row',
  },
  { name: 'quiet', short: 'q', summary: 'only data and errors' },
  { name: 'verbose', short: 'v', summary: 'more of what happens; errors with their stacks' },
  { name: 'no-color', summary: 'no colours' },
  { name: 'no-progress', summary: 'no progress lines' },
  { name: 'yes', short: 'y', summary: 'answer questions with yes' },
  { name: 'timeout', value: 'DURATION', summary: 'give up on a broker that does not answer', default: '30s' },
]
