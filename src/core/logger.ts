/** Where parts of Millrace tell what they do. Library code never writes to the terminal itself. */

export type LogFields = Readonly<Record<string, unknown>>

export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

const drop = (): void => {}

/** Drops everything. */
export const silentLogger: Logger = { debug: drop, info: drop, warn: drop, error: drop }
