/**
 * Golden: what a pipeline is called. Stores and internal topics hold data, so a name that changes with an edit elsewhere
 * would lose it. A name may only be changed in `every-operator.golden.txt` with a migration for those who run it.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { describePlanAsJson } from './describe-json.ts'
import { type Edit, everyOperator } from './every-operator-fixture.ts'
import { internalTopics, type PhysicalPlan } from './plan.ts'

const golden = new URL('every-operator.golden.txt', import.meta.url)

/** Everything that holds data, by name. */
function kept(plan: PhysicalPlan): unknown {
  const { repartition, changelog } = internalTopics(plan)
  const stores = plan.subTopologies.flatMap((part) =>
    part.stores.map(({ spec }) => `${spec.name}: ${spec.kind}`),
  )
  return { repartition: repartition.sort(), changelog: changelog.sort(), stores: stores.sort() }
}

describe('the names of a pipeline', () => {
  it('are those of the golden file', () => {
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, everyOperator().describe())
    assert.equal(everyOperator().describe(), readFileSync(golden, 'utf8'))
  })

  const edits: Record<string, Edit> = {
    'a filter': (events) => events.filter((event) => event.cents > 0),
    'several operators': (events) =>
      events
        .peek(() => {})
        .mapValues((event) => event)
        .flatMapValues((event) => [event])
        .filter(() => true),
    'a branch': (events) => events.branch({ good: (event) => event.cents > 0 }).good,
    'a branch that is merged again': (events) => {
      const { good, rest } = events.branch({ good: (event) => event.cents > 0 }, { default: 'rest' })
      return good.merge(rest)
    },
    'a print beside it': (events) => {
      events.print(() => {})
      return events
    },
  }
  for (const [what, edit] of Object.entries(edits)) {
    it(`stay the same for all that is kept when ${what} is added everywhere, or taken away`, () => {
      assert.deepEqual(kept(everyOperator(edit).plan()), kept(everyOperator().plan()))
    })
  }

  it('never end in a running number where something is kept', () => {
    const { subTopologies } = describePlanAsJson(everyOperator().plan())
    for (const { stores, sinks } of subTopologies) {
      const names = [
        ...stores.map(({ name }) => name),
        ...sinks.filter(({ internal }) => internal).map(({ name }) => name),
      ]
      for (const name of names) assert.doesNotMatch(name, /-\d+$/)
    }
  })
})
