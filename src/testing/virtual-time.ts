/**
 * How much virtual time the drivers of this process have let pass. `millrace test` shows it per test; a test may use
 * another copy of the package than the command, so what is shared is a global name.
 */
interface Tally {
  ms: number
}

const name = Symbol.for('millrace.testing.virtualTime')

function tally(): Tally {
  const globals = globalThis as { [name]?: Tally }
  globals[name] ??= { ms: 0 }
  return globals[name]
}

export function countVirtualTime(ms: number): void {
  tally().ms += ms
}

/** What came together since the last call. */
export function takeVirtualTimeMs(): number {
  const { ms } = tally()
  tally().ms = 0
  return ms
}
