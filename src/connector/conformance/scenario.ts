/** Scenarios of a conformance suite as tests of node:test, with waivers that say why. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

/** Why a connector does not claim a scenario. */
export type Waivers = Readonly<Record<string, string>>

export type Scenarios<Suite> = Readonly<Record<string, (suite: Suite) => Promise<void>>>

/** One test per scenario; a waived one is skipped with its reason. */
export function runScenarios<Suite extends { readonly name: string; readonly waivers?: Waivers }>(
  suite: Suite,
  scenarios: Scenarios<Suite>,
): void {
  const waivers = suite.waivers ?? {}
  void describe(`conformance of ${suite.name}`, () => {
    void test('every waiver is for a scenario that exists and has a reason', () => {
      for (const [scenario, reason] of Object.entries(waivers)) {
        assert.ok(Object.hasOwn(scenarios, scenario), `there is no scenario "${scenario}"`)
        assert.ok(reason.length > 10, `the waiver of "${scenario}" says why`)
      }
    })
    for (const [name, run] of Object.entries(scenarios)) {
      const waived = waivers[name]
      void test(name, waived === undefined ? {} : { skip: waived }, () => run(suite))
    }
  })
}

/** The part of a suite that a scenario needs. */
export function claimed<T>(part: T | undefined, name: string): T {
  assert.ok(part !== undefined, `the suite gives "${name}", or waives the scenario with a reason`)
  return part
}
