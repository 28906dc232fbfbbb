/**
 * The scenarios against one client: a row of docs/reference/clients.md. Each client has a test file that calls this.
 *
 * One driver serves all scenarios of a client, one after the other; topics and groups are new for each.
 */
import { after, before, describe, test } from 'node:test'
import { type ClientName, installClient, missingClient } from '../../scripts/clients/install.ts'
import { checkAnswers } from './answers.ts'
import type { Driver } from './driver.ts'
import { Results } from './results.ts'
import type { Answers, ScenarioName } from './scenario.ts'
import { scenarios } from './scenarios.ts'
import {
  mechanisms as allMechanisms,
  type Mechanism,
  openTarget,
  skipLogin,
  skipRestart,
  type Target,
  targetName,
} from './target.ts'
import { Witness } from './witness.ts'

export interface ClientSuite {
  readonly client: ClientName
  /** As it is called in the table. */
  readonly title: string
  readonly language: string
  /** What the client itself cannot do, each with the reason. */
  readonly lacks?: Readonly<Partial<Record<ScenarioName, string>>>
  /** A name stands only once among the headers of a record. */
  readonly headersOnce?: true
  /** Why it reads records again that its group has committed, when partitions come back to a member. */
  readonly rereads?: string
  /** The ways in which it can log in; all if not given. */
  readonly mechanisms?: readonly Mechanism[]
  /** Why it may not tell that a login was refused. */
  readonly losesRefusals?: string
  /** What a user of this client has to know. */
  readonly notes?: readonly string[]
  /** Starts its driver; `home` is where the client is installed. */
  open(home: string, brokers: string): Driver
  /** Tests of this client alone. */
  more?(context: () => { readonly brokers: string; readonly home: string; readonly witness: Witness }): void
}

const SCENARIO_TIMEOUT_MS = 90_000

export function clientSuite(suite: ClientSuite): void {
  const { client, lacks = {}, headersOnce = false } = suite
  const rereads = suite.rereads !== undefined
  const losesRefusals = suite.losesRefusals !== undefined
  describe(`${suite.title} against ${targetName}`, { skip: missingClient(client) ?? false }, () => {
    const results = new Results(suite)
    let target: Target | undefined
    let driver: Driver | undefined
    let witness: Witness | undefined
    let home = ''

    before(async () => {
      home = await installClient(client)
      target = await openTarget()
      witness = new Witness(target.brokers)
      driver = suite.open(home, target.brokers)
      results.version = await driver.call('version', {})
    })
    after(async () => {
      await driver?.close()
      await witness?.close()
      await target?.close()
      results.keep()
    })

    const mechanisms = suite.mechanisms ?? allMechanisms
    for (const scenario of scenarios) {
      const { name, shows } = scenario
      const lacking = lacks[name]
      if (lacking !== undefined) results.lacks(name)
      const skip = lacking ?? ((scenario.restarts && skipRestart) || (scenario.logsIn && skipLogin) || false)
      test(`${name}: ${shows}`, { skip, timeout: SCENARIO_TIMEOUT_MS }, async () => {
        const answers: Answers = {}
        const observe = (what: string, answer: unknown): void => {
          answers[what] = JSON.parse(JSON.stringify(answer ?? null))
        }
        await scenario.run({
          driver: driver!,
          witness: witness!,
          target: target!,
          mechanisms,
          headersOnce,
          rereads,
          losesRefusals,
          observe,
        })
        checkAnswers(client, name, answers)
        results.passes(name)
      })
    }
    suite.more?.(() => ({ brokers: target!.brokers, home, witness: witness! }))
  })
}
