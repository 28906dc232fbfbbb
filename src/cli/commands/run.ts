/** `millrace run`: the production form of `dev`: JSON logs on stderr, no live view, an error when something fails. */
import type { CommandContext } from '../command.ts'
import { jsonLogger } from '../json-logger.ts'
import { loadConfig } from '../load-config.ts'
import { parkedHint, parkedSummaries } from '../parked-summary.ts'
import { printResults } from '../print-results.ts'
import { startInstance } from '../start-instance.ts'

export async function run(given: CommandContext): Promise<void> {
  const logger = jsonLogger(given.terminal, { debug: given.flags.on('verbose') })
  const context = { ...given, logger }
  const { output, terminal, platform } = context
  const loaded = await loadConfig(context)
  const once = context.flags.on('once')
  const onPart = (part: { readonly name: string; readonly detail: string; readonly readyMs: number }): void =>
    logger.info({ part: part.name, detail: part.detail, ms: Math.round(part.readyMs) }, 'up')
  const started = await startInstance(context, loaded, { once, onPart })
  const stop = Promise.withResolvers<void>()
  context.signal.addEventListener('abort', () => stop.resolve(), { once: true })
  try {
    logger.info({ ms: Math.round(context.process.uptimeMs()) }, 'ready')
    const runStartMs = platform.clock.monotonicMs()
    const { finished } = started.instance
    await Promise.race([once ? finished : finished.then(() => stop.promise), stop.promise])
    const seconds = (platform.clock.monotonicMs() - runStartMs) / 1000
    const last = started.instance.snapshot()
    if (last.state === 'finished') {
      printResults(output, terminal, last, seconds)
      for (const parked of parkedSummaries(started.instance.parkedAtEnd))
        logger.warn({ ...parked, hint: parkedHint }, 'keys are left parked')
    }
  } finally {
    await started.stop()
    logger.info({}, 'stopped')
  }
}
