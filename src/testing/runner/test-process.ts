/**
 * Loaded before each test file that `millrace test` runs: `millrace` and `millrace/…` lead to the copy that the command
 * runs from, and every test says how much virtual time its drivers have let pass.
 */
import { afterEach } from 'node:test'
import { installModuleHooks } from '../../platform/node/modules.ts'
import { takeVirtualTimeMs } from '../virtual-time.ts'
import { virtualTimeText } from './virtual-time-text.ts'

installModuleHooks()

afterEach((context) => {
  const ms = takeVirtualTimeMs()
  if (ms > 0 && 'diagnostic' in context) context.diagnostic(virtualTimeText(ms))
})
