/**
 * Loaded before each test file that `millrace test` runs: `millrace` and `millrace/…` lead to the copy that the command
 * runs from, every test says how much virtual time its drivers have let pass, and a file that leaves by `process.exit`
 * before its tests have run does not look as if it had passed.
 */
import { after, afterEach } from 'node:test'
import { installModuleHooks } from '../../platform/node/modules.ts'
import { onNodeExit } from '../../platform/node/process.ts'
import { nodeTerminal } from '../../platform/node/terminal.ts'
import { takeVirtualTimeMs } from '../virtual-time.ts'
import { virtualTimeText } from './virtual-time-text.ts'

installModuleHooks()

let finished = false
after(() => {
  finished = true
})
onNodeExit((status) => {
  if (finished || status !== 0) return status
  nodeTerminal().err.write('the process ended before its tests had\n')
  return 1
})

afterEach((context) => {
  const ms = takeVirtualTimeMs()
  if (ms > 0 && 'diagnostic' in context) context.diagnostic(virtualTimeText(ms))
})
