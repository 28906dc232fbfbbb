/** Every scenario, in the order of the table's columns. */
import type { Scenario } from './scenario.ts'
import { adminScenarios } from './scenarios/admin.ts'
import { groupScenarios } from './scenarios/groups.ts'
import { recordScenarios } from './scenarios/records.ts'
import { transactionScenarios } from './scenarios/transactions.ts'

export const scenarios: readonly Scenario[] = [
  ...recordScenarios,
  ...groupScenarios,
  ...transactionScenarios,
  ...adminScenarios,
]
