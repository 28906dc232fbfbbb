import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../../core/errors.ts'
import { nodeClock } from '../../platform/node/clock.ts'
import { type RecordMetadata, RecordReceipt, RecordReceipts } from './receipt.ts'

type Told = (batch: RecordReceipts, index: number, timestampMs: number) => Promise<RecordMetadata>
const forms: readonly (readonly [string, Told])[] = [
  ['receipt', (batch, index, timestampMs) => new RecordReceipt(batch, index, timestampMs)],
  ['promise', (batch, index, timestampMs) => batch.promise(index, timestampMs)],
]

for (const [form, told] of forms) {
  test(`a ${form} tells the place of its record, however late and often it is looked at`, async () => {
    const batch = new RecordReceipts('t', 3)
    const early = told(batch, 0, 1000).then(({ offset }) => offset)
    const receipt = told(batch, 2, 1002)
    batch.acknowledge(40, -1)
    assert.equal(await early, 40)
    const expected = { topic: 't', partition: 3, offset: 42, timestampMs: 1002 }
    assert.deepEqual(await receipt, expected)
    assert.deepEqual(await Promise.all([receipt, receipt.then()]), [expected, expected])
    let times = 0
    assert.deepEqual(await receipt.finally(() => times++), expected)
    assert.equal(times, 1)
  })

  test(`a ${form} has the time of the broker, and no offset, where the answer says so`, async () => {
    const stamped = new RecordReceipts('t', 0)
    const receipt = told(stamped, 1, 1000)
    stamped.acknowledge(7, 5000)
    assert.deepEqual(await receipt, {
      topic: 't',
      partition: 0,
      offset: 8,
      timestampMs: 5000,
    })
    const untold = new RecordReceipts('t', 0)
    const without = told(untold, 1, 1000)
    untold.acknowledge(-1, -1)
    assert.equal((await without).offset, -1)
  })

  test(`a ${form} of a batch that failed rejects for those who look, and for nobody else`, async () => {
    const batch = new RecordReceipts('t', 0)
    const looked = told(batch, 0, 1000)
    const error = new MillraceError('MR_TIMEOUT', 'not acknowledged')
    batch.fail(error)
    // A rejection that nobody handles would end the process in this turn.
    await nodeClock.nextTurn()
    await assert.rejects(looked, error)
    assert.equal(await looked.catch((reason: unknown) => reason), error)
    const seen = await looked.then(
      () => 'written',
      () => 'failed',
    )
    assert.equal(seen, 'failed')
  })
}
