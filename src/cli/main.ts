/**
 * The command line: finds the command, gives it what it needs, and turns its outcome into an exit status.
 *
 * Each command's code is imported when it runs; `--version` imports nothing. Ctrl-C and SIGTERM abort the command's
 * signal, so that it ends cleanly; a second one ends the process at once.
 */
import { isMillraceError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { silentLogger } from '../core/logger.ts'
import { nodeProcess } from '../platform/node/process.ts'
import { nodeTerminal } from '../platform/node/terminal.ts'
import type { Process } from '../platform/process.ts'
import type { Terminal, TerminalOutput } from '../platform/terminal.ts'
import type { CommandContext } from './command.ts'
import { version } from './version.ts'

const EXIT_INTERRUPTED = 130
const EXIT_TERMINATED = 143

/** Runs the command that the arguments name, and sets the exit status. */
export async function main(host: Process = nodeProcess, given: Terminal = nodeTerminal()): Promise<void> {
  const terminal = host.argv.includes('--no-color') ? withoutColors(given) : given
  if (host.argv[0] === '--version') {
    terminal.out.write(`${version()}\n`)
    return
  }
  const interrupted = new AbortController()
  const signals = listenForSignals(host, interrupted)
  try {
    await runCommand(host, terminal, interrupted.signal)
    host.setExitCode(signals.exitCode ?? 0)
  } catch (error) {
    if (interrupted.signal.aborted && isMillraceError(error, 'MR_ABORTED')) {
      host.setExitCode(signals.exitCode ?? EXIT_INTERRUPTED)
      return
    }
    const { showError } = await import('./show-error.ts')
    const json = wantsJson(host.argv)
    const verbose = host.argv.includes('-v') || host.argv.includes('--verbose')
    host.setExitCode(showError(error, terminal, { json, verbose }))
  } finally {
    signals.stop()
  }
}

async function runCommand(host: Process, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const [{ parseCommandLine }, { Output, outputFormat }, { nodePlatform }] = await Promise.all([
    import('./parse.ts'),
    import('./output.ts'),
    import('../platform/node/platform.ts'),
  ])
  const parsed = parseCommandLine(host.argv, terminal.out.columns)
  if ('help' in parsed) {
    terminal.out.write(parsed.help)
    return
  }
  const { spec, flags } = parsed
  const format = outputFormat(flags.text('output'), flags.on('json'))
  const output = new Output(terminal, { format, quiet: flags.on('quiet') })
  if (format === 'help') {
    terminal.out.write(`${spec.rowType ?? 'never'}\n`)
    return
  }
  const context: CommandContext = {
    arguments: parsed.arguments,
    flags,
    output,
    terminal,
    process: host,
    platform: nodePlatform(),
    logger: flags.on('verbose') ? plainLogger(terminal) : silentLogger,
    signal,
  }
  const { run } = await spec.load()
  await run(context)
}

/** Errors are JSON where data is: the command line may be the very thing that is wrong, so it is only skimmed. */
function wantsJson(argv: readonly string[]): boolean {
  return argv.some((word, at) => {
    const value = argv[at - 1] === '--output' ? word : /^--output=(.*)$/.exec(word)?.[1]
    return word === '--json' || value === 'json' || value === 'jsonl'
  })
}

function withoutColors({ out, err, input }: Terminal): Terminal {
  const plain = (output: TerminalOutput): TerminalOutput =>
    Object.create(output, { colorDepth: { value: 0 } })
  return { out: plain(out), err: plain(err), input }
}

interface Signals {
  readonly exitCode: number | undefined
  stop(): void
}

function listenForSignals(host: Process, interrupted: AbortController): Signals {
  let exitCode: number | undefined
  const on = (code: number) => (): void => {
    if (interrupted.signal.aborted) host.exit(code)
    exitCode = code
    interrupted.abort(code)
  }
  const offs = [host.onSignal('SIGINT', on(EXIT_INTERRUPTED)), host.onSignal('SIGTERM', on(EXIT_TERMINATED))]
  return {
    get exitCode() {
      return exitCode
    },
    stop() {
      for (const off of offs) off()
    },
  }
}

/** What `-v` shows: one line per message on stderr. */
function plainLogger(terminal: Terminal): Logger {
  const write =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void => {
      const facts = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      terminal.err.write(`${level} ${message} ${facts.join(' ')}\n`)
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
