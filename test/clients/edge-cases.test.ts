/** Answers to requests at the edges of the protocol, each compared with what Apache Kafka 4.3.1 answers. */
import { after, before, describe, it } from 'node:test'
import { checkAnswers } from './answers.ts'
import { adminCases } from './edge-cases/admin.ts'
import { groupCases } from './edge-cases/groups.ts'
import { recordCases } from './edge-cases/records.ts'
import { transactionCases } from './edge-cases/transactions.ts'
import { type EdgeCase, Wire } from './edge-cases/wire.ts'
import { openTarget, type Target, targetName } from './target.ts'
import { Witness } from './witness.ts'

const kinds: Readonly<Record<string, readonly EdgeCase[]>> = {
  records: recordCases,
  groups: groupCases,
  transactions: transactionCases,
  admin: adminCases,
}

describe(`the edges of the protocol against ${targetName}`, () => {
  let target: Target
  let witness: Witness
  let wire: Wire
  before(async () => {
    target = await openTarget()
    witness = new Witness(target.brokers)
    wire = await Wire.open(target.brokers, witness)
  })
  after(async () => {
    await wire?.close()
    await witness?.close()
    await target?.close()
  })

  for (const [kind, cases] of Object.entries(kinds)) {
    for (const { name, ask } of cases) {
      it(`${kind}: ${name}`, { timeout: 40_000 }, async () => {
        const answer = JSON.parse(JSON.stringify((await ask(wire)) ?? null))
        checkAnswers('edge-cases', kind, { [name]: answer })
      })
    }
  }
})
