/** The short form of `npm run sim -- kafka-faults`, and what its checker sees. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { simulatedRandom } from '../../src/platform/simulated/random.ts'
import { missingKafka } from './cluster.ts'
import { checkCopies } from './faults/copies.ts'
import { faultyAnomalies, runFaults } from './faults/faults.ts'
import { checkLog, ProducerHistory, type ReadRecord, uncertainOf } from './faults/history.ts'

const RUN_TIMEOUT_MS = 600_000

const record = (offset: number, value: string): ReadRecord => ({ partition: 0, offset, key: 'k', value })

/** Three transactions of two records: committed, aborted, and one whose end nobody has told. */
function transactions(): ProducerHistory {
  const history = new ProducerHistory('p')
  history.sent = 6
  history.transactions.push(0, 0, 1, 1, 2, 2)
  history.outcomes.push('committed', 'aborted', 'unknown')
  return history
}

describe('the checker of faults', () => {
  it('takes what was promised, with the doubtful transaction or without it', () => {
    const log = [record(0, 'p:0'), record(1, 'p:1')]
    const whole = [...log, record(5, 'p:4'), record(6, 'p:5')]
    for (const records of [log, whole]) {
      const found = checkLog([transactions()], records)
      assert.deepEqual(Object.values(found).flat(), [])
    }
    assert.equal(uncertainOf(transactions()), 2)
  })

  it('sees what is lost, doubled, out of order, aborted, and torn', () => {
    const log = [record(0, 'p:1'), record(1, 'p:1'), record(2, 'p:3'), record(3, 'p:5'), record(4, 'p:4')]
    assert.deepEqual(checkLog([transactions()], [...log.slice(0, 4)]), {
      lost: ['p:0'],
      duplicated: ['p:1 at 0/1'],
      outOfOrder: [],
      abortedRead: ['p:3'],
      torn: ['p, transaction 2: 1 of 2'],
    })
    assert.deepEqual(checkLog([transactions()], log).outOfOrder, ['p:4 at 0/4'])
  })

  it('sees copies that are missing, doubled and out of order', () => {
    const log = [record(0, 'p:0'), record(1, 'p:1'), record(3, 'p:2')]
    const copy = (offset: number): ReadRecord => ({ partition: 0, offset: 0, key: '0', value: `0/${offset}` })
    assert.deepEqual(checkCopies(log, [copy(0), copy(3), copy(0)]), {
      missing: 1,
      gaps: ['0/1–1'],
      doubled: 1,
      outOfOrder: 1,
    })
  })
})

describe('a real Kafka of three nodes under faults', { skip: missingKafka() ?? false }, () => {
  it('keeps what was acknowledged, and a group copies it exactly once', {
    timeout: RUN_TIMEOUT_MS,
  }, async (t) => {
    const report = await runFaults({
      records: 10_000,
      recordsPerSecond: 200,
      random: simulatedRandom('faults'),
      protocol: 'classic',
      say: (line) => t.diagnostic(line),
    })
    assert.ok(report.sent >= 10_000 && report.faults.length > 10)
    assert.equal(faultyAnomalies(report), 0, JSON.stringify({ ...report, troubles: [...report.troubles] }))
  })
})
