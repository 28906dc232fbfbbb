import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulatedTerminal } from '../../platform/simulated/terminal.ts'
import { Screen } from './screen.ts'

test('lines are drawn over those of the last time, below what stays', () => {
  const { err } = simulatedTerminal({ isTerminal: true, columns: 20, rows: 10 })
  const screen = new Screen(err)
  screen.draw(['one', 'two'])
  screen.draw(['three'])
  screen.print('stays')
  screen.draw(['four'])
  screen.release()
  screen.print('end')
  assert.equal(err.text, 'one\ntwo\n\u001b[2A\u001b[0Jthree\n\u001b[1A\u001b[0Jstays\nfour\nend\n')
})

test('a terminal that was made narrower has wrapped lines: all of their rows are erased', () => {
  const { err } = simulatedTerminal({ isTerminal: true, columns: 20, rows: 10 })
  const screen = new Screen(err)
  screen.draw(['\u001b[2mnineteen characters\u001b[0m', '', 'short'])
  err.resize(10, 10)
  err.text = ''
  screen.draw(['now'])
  assert.equal(err.text, '\u001b[4A\u001b[0Jnow\n')
})

test('nothing is wider or higher than the terminal', () => {
  const { err } = simulatedTerminal({ isTerminal: true, columns: 8, rows: 3 })
  new Screen(err).draw(['a long line', 'b', 'c', 'd'])
  assert.equal(err.text, 'a long …\nb\n')
})
