/**
 * What the client must do against any broker, as one suite: run over a real Kafka, over our broker in this process,
 * and over our broker through TCP. Every scenario makes topics, groups and ids of its own.
 */
import { after, before, describe, test } from 'node:test'
import { adminScenarios } from './client-scenarios/admin.ts'
import { consumerScenarios } from './client-scenarios/consumer.ts'
import { errorScenarios } from './client-scenarios/errors.ts'
import { exactlyOnceScenarios } from './client-scenarios/exactly-once.ts'
import { groupScenarios } from './client-scenarios/group.ts'
import { producerScenarios } from './client-scenarios/producer.ts'
import {
  DEADLINE_MS,
  type Feature,
  type Reach,
  Scenario,
  type ScenarioTest,
} from './client-scenarios/scenario.ts'
import { transactionScenarios } from './client-scenarios/transaction.ts'

export interface ScenarioTarget {
  readonly name: string
  /** The broker is called, not reached over a network. */
  readonly inProcess?: true
  /** What the broker is too old for. */
  readonly lacks?: readonly Feature[]
  /** Why it cannot run here. */
  readonly skip?: string | false
  /** How to reach the broker; `close` ends what was started for it. */
  open(): Promise<{ readonly reach: Reach; close(): Promise<void> }>
}

/** Registers all scenarios for one target. */
export function clientScenarios(target: ScenarioTarget): void {
  describe(`client against ${target.name}`, { skip: target.skip ?? false, concurrency: 4 }, () => {
    let opened: Awaited<ReturnType<ScenarioTarget['open']>>
    before(async () => {
      opened = await target.open()
    })
    after(() => opened.close())

    const register = (name: string, run: (scenario: Scenario) => Promise<void>): void => {
      test(name, { timeout: DEADLINE_MS * 2 }, async () => {
        const scenario = new Scenario(opened.reach)
        try {
          await run(scenario)
        } finally {
          await scenario.close()
        }
      })
    }
    const needing = (feature: Feature): ScenarioTest =>
      target.lacks?.includes(feature) ? leaveOut : scenarioTest
    const scenarioTest: ScenarioTest = Object.assign(register, { needing })
    const leaveOut: ScenarioTest = Object.assign(() => {}, { needing: () => leaveOut })
    producerScenarios(scenarioTest)
    transactionScenarios(scenarioTest)
    consumerScenarios(scenarioTest)
    groupScenarios(scenarioTest)
    exactlyOnceScenarios(scenarioTest)
    adminScenarios(scenarioTest)
    errorScenarios(scenarioTest, target.inProcess === true)
  })
}
