/** Bits of colour: none, 16 colours, 256 colours, all. */
export type ColorDepth = 0 | 4 | 8 | 24

const forced: Readonly<Record<string, ColorDepth>> = { '0': 0, false: 0, '1': 4, '2': 8, '3': 24 }

/**
 * How much colour a stream takes, by the environment. First match counts:
 *
 * 1. `FORCE_COLOR`: `0` or `false` none, `1` 16 colours, `2` 256, `3` all, anything else 16.
 * 2. `NO_COLOR`: any value but an empty one and `0` means none.
 * 3. `CLICOLOR_FORCE`: any value but an empty one and `0` means at least 16, terminal or not.
 * 4. Not a terminal, or `TERM=dumb`: none. Else what `COLORTERM` and `TERM` say the terminal can do.
 */
export function colorDepth(env: (name: string) => string | undefined, isTerminal: boolean): ColorDepth {
  const force = env('FORCE_COLOR')
  if (force !== undefined) return forced[force] ?? 4
  if (isSet(env('NO_COLOR'))) return 0
  const term = env('TERM') ?? ''
  if (isSet(env('CLICOLOR_FORCE'))) return Math.max(4, depthOf(term, env('COLORTERM'))) as ColorDepth
  return isTerminal ? depthOf(term, env('COLORTERM')) : 0
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0'
}

function depthOf(term: string, colorTerm: string | undefined): ColorDepth {
  if (term === 'dumb') return 0
  if (colorTerm === 'truecolor' || colorTerm === '24bit') return 24
  return /256/.test(term) ? 8 : 4
}
