import type { Source } from './source.ts'

/** One thing that is not as it should be. */
export interface Fault {
  readonly path: string
  readonly line: number
  /** What is there. */
  readonly what: string
  /** What to write instead, or why it must not be. */
  readonly instead: string
}

/** Looks at one file. */
export type Check = (source: Source) => readonly Fault[]

export function formatFault({ path, line, what, instead }: Fault): string {
  return `${path}:${line}  ${what}\n    ${instead}`
}
