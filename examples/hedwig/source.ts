/**
 * A source of the generated clicks, to be played by the time at which the servers received them: one unit, which ends
 * with its last click, and goes on where it was when it is started again.
 */
import { defineSource, noEventHeaders, option } from 'millrace/connector'
import { generateClicks } from './generate.ts'

const BATCH_CLICKS = 500

export const generatedClicks = defineSource({
  name: 'generated-clicks',
  summary: 'A day of clicks, made up from a seed.',
  options: {
    seed: option.number({
      default: 1,
      min: 0,
      max: 2 ** 32 - 1,
      summary: 'The same seed gives the same clicks.',
    }),
    visitors: option.number({
      default: 400,
      min: 1,
      max: 100_000,
      summary: 'How many visitors there are.',
    }),
  },
  replayable: true,
  async open({ options, position }) {
    const clicks = generateClicks(options)
    const unit = `seed ${options.seed}, ${options.visitors} visitors`
    let at = typeof position === 'number' ? position : 0
    return {
      async read() {
        if (at >= clicks.length) return 'ended'
        const events = clicks.slice(at, at + BATCH_CLICKS).map((body) => ({
          headers: noEventHeaders,
          topic: 'clicks',
          key: body.server,
          timestampMs: body.receivedMs,
          body,
        }))
        at += events.length
        const batch = { events, unit, position: at }
        // The options say everything that is in it.
        return at < clicks.length ? batch : { ...batch, unitChecksum: unit }
      },
      async close() {},
    }
  },
})
