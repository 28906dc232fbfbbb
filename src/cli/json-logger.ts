/** Logs as JSON lines on stderr, by pino. */
import { pino } from 'pino'
import type { LogFields, Logger } from '../core/logger.ts'
import type { Terminal } from '../platform/terminal.ts'

export function jsonLogger(terminal: Terminal, options: { readonly debug: boolean }): Logger {
  const destination = { write: (line: string): void => void terminal.err.write(line) }
  const log = pino(
    {
      level: options.debug ? 'debug' : 'info',
      base: null,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: LogFields, message: string): void =>
      log[level](fields, message)
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
