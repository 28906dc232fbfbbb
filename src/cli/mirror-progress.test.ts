import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../platform/clock.ts'
import { nodeClock } from '../platform/node/clock.ts'
import { simulatedTerminal } from '../platform/simulated/terminal.ts'
import { progressLine, showMirrorProgress } from './mirror-progress.ts'
import { textWidth } from './terminal/text.ts'

test('a copy with an end shows its share, its rate and how long it will take', () => {
  const line = progressLine({ records: 250, lagRecords: 750 }, { follow: false, rate: 100 })
  assert.equal(line, '  █████░░░░░░░░░░░░░░░  25 %  250 of 1,000  100/s  8 s left')
  const long = { records: 123_456_789, lagRecords: 876_543_210 }
  assert.ok(textWidth(progressLine(long, { follow: false, rate: 123_456 })) < 80)
  assert.match(
    progressLine({ records: 0, lagRecords: 0 }, { follow: false, rate: 0 }),
    /100 % {2}0 of 0 {2}0\/s$/,
  )
})

test('one that goes on shows how far it is behind', () => {
  const line = progressLine({ records: 1200, lagRecords: 3 }, { follow: true, rate: 40 })
  assert.equal(line, '  1,200 records copied  40/s  lag 3  Ctrl-C stops')
})

test('is drawn on a terminal only, and taken away at the end', async () => {
  const state = (): { records: number; lagRecords: number } => ({ records: 1, lagRecords: 1 })
  for (const isTerminal of [true, false]) {
    const terminal = simulatedTerminal({ isTerminal })
    const hide = showMirrorProgress({ terminal, clock: nodeClock, shown: true, follow: false, state })
    if (isTerminal) {
      const drawn = (): boolean => terminal.err.text.includes('1 of 2')
      await until(nodeClock, drawn, { what: 'the line is there', timeoutMs: 30_000, intervalMs: 5 })
    }
    hide()
    assert.ok(terminal.err.text === '' || terminal.err.text.endsWith('\x1b[1A\x1b[0J'))
    assert.equal(terminal.err.text === '', !isTerminal)
  }
})
