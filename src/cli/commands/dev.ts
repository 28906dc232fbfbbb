/**
 * `millrace dev`: everything of a configuration in this process, with a live view.
 *
 * Keys: q stops. With --once it runs to the end of the input, prints the result tables on stdout and ends.
 */
import type { CommandContext } from '../command.ts'
import { LiveView } from '../live-view.ts'
import { loadConfig } from '../load-config.ts'
import { parkedLines } from '../parked-summary.ts'
import { printResults } from '../print-results.ts'
import { startInstance } from '../start-instance.ts'
import { version } from '../version.ts'

export async function run(context: CommandContext): Promise<void> {
  const { flags, output, terminal, platform } = context
  const loaded = await loadConfig(context)
  const once = flags.on('once')
  const view = new LiveView({
    terminal,
    clock: platform.clock,
    title: loaded.title,
    version: version(),
    quiet: output.quiet,
    footer: () => `q quit   page ${started.instance.url ?? ''}   data ${started.dataDirectory}`,
  })
  // -v shows the whole log.
  const logger = flags.on('verbose') ? context.logger : view.logger
  const started = await startInstance({ ...context, logger }, loaded, {
    once,
    onPart: (part) => view.part(part),
  })
  const { instance } = started
  const stop = Promise.withResolvers<void>()
  const offKeys = terminal.input.onKey(({ name }) => {
    if (name === 'q') stop.resolve()
  })
  context.signal.addEventListener('abort', () => stop.resolve(), { once: true })
  try {
    view.ready(context.process.uptimeMs())
    view.follow(() => instance.snapshot())
    const runStartMs = platform.clock.monotonicMs()
    await Promise.race([once ? instance.finished : untilFailed(instance.finished), stop.promise])
    const seconds = (platform.clock.monotonicMs() - runStartMs) / 1000
    const last = instance.snapshot()
    view.end(last)
    if (last.state === 'finished') {
      printResults(output, terminal, last, seconds)
      for (const line of parkedLines(instance.parkedAtEnd)) output.note(line)
    }
  } finally {
    view.end()
    offKeys()
    await started.stop()
  }
  if (!once) view.stopped(`data in ${started.dataDirectory}: the next start goes on from here`)
}

/** A run without an end is over only when it fails or is stopped. */
function untilFailed(finished: Promise<void>): Promise<never> {
  return finished.then(() => new Promise<never>(() => {}))
}
