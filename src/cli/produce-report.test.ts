/** What `produce` tells of lines that failed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../core/errors.ts'
import { nodePlatform } from '../platform/node/platform.ts'
import { simulatedTerminal } from '../platform/simulated/terminal.ts'
import { LineRanges } from './line-ranges.ts'
import { Output } from './output.ts'
import { ProduceReport } from './produce-report.ts'

function report(onOver = (): void => {}): ProduceReport {
  const output = new Output(simulatedTerminal(), { format: undefined, quiet: false })
  const { clock } = nodePlatform()
  return new ProduceReport({ output, clock, source: 'stdin', interactive: false, dryRun: false, onOver })
}

test('a broker that does not answer ends the reading, a line that is too large does not', async () => {
  let told = 0
  const one = report(() => told++)
  one.failed(1, new MillraceError('MR_RECORD_TOO_LARGE', 'too large'))
  assert.deepEqual([one.isOver, told], [false, 0])
  one.failed(2, new MillraceError('MR_TIMEOUT', 'no answer'))
  assert.deepEqual([one.isOver, told], [true, 1])
})

test('the error that ends the command is the first, with all lines in its context', async () => {
  const one = report()
  one.stored(1, { topic: 't', partition: 0, offset: 0, timestampMs: 0 })
  one.failed(2, new MillraceError('MR_TIMEOUT', 'no answer', { where: 't/0', hint: 'Wait.' }))
  one.failed(3, new MillraceError('MR_CLOSED', 'closed'))
  await assert.rejects(one.end(), {
    code: 'MR_TIMEOUT',
    message: '2 of 3 records not stored (lines 2-3): no answer',
    where: 'stdin:2, t/0',
    hint: 'Wait.',
    context: { stored: 1, failed: 2, lines: '2-3' },
  })
})

test('lines are told as ranges, at most ten of them', () => {
  const lines = new LineRanges()
  for (const line of [4, 17, 18, 19, 20, 900]) lines.add(line)
  assert.equal(String(lines), '4, 17-20, 900')
  for (let line = 1000; line < 1040; line += 2) lines.add(line)
  assert.equal(String(lines), '4, 17-20, 900, 1000, 1002, 1004, 1006, 1008, 1010, 1012 and 13 more')
  assert.deepEqual([lines.count, lines.first], [26, 4])
})
