import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PartialWriteError, type StoredRecord } from '../connector/index.ts'
import { isMillraceError, MillraceError } from '../core/errors.ts'
import { headerText } from '../core/record.ts'
import { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.ts'
import { deliver } from './delivery.ts'
import { drain, endsOf, produce, runnerOf, type SinkOutside, settingOf, textOf } from './sink-testdata.ts'
import type { TestProgram } from './testdata.ts'

const valuesFrom = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `v${from + index}`)

const inOrder = (values: readonly string[]): string[] =>
  [...values].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)))

function assertOrderPerPartition(values: readonly string[]): void {
  for (const rest of [0, 1]) {
    const own = values.map((value) => Number(value.slice(1))).filter((n) => n % 2 === rest)
    assert.deepEqual(
      own,
      own.toSorted((a, b) => a - b),
    )
  }
}

const retriable = (): MillraceError => new MillraceError('MR_CONNECTION_LOST', 'the connection ended')
const refusal = (): MillraceError => new MillraceError('MR_RECORD_INVALID', 'refused')

for (const delivery of ['at-least-once', 'exactly-once'] as const) {
  const exactly = delivery === 'exactly-once'

  const assertDelivered = (outside: SinkOutside, expected: readonly string[], what?: string): void => {
    if (exactly) assert.deepEqual(inOrder(outside.flushed), expected, what)
    else assert.deepEqual(inOrder([...new Set(outside.flushed)]), expected, what)
  }

  test(`${delivery}: delivers in order, in batches, commits, and goes on after a restart`, async () => {
    const setting = settingOf(delivery)
    const { program, outside } = setting
    produce(program, 0, 20)
    await drain(setting)
    assert.deepEqual(inOrder(outside.flushed), valuesFrom(0, 20))
    assertOrderPerPartition(outside.flushed)
    assert.ok(outside.batchSizes.every((size) => size <= 3))
    assert.deepEqual([...program.log.groupOffsets('sink-d').values()], [10, 10])
    produce(program, 20, 25)
    await drain(setting)
    assert.deepEqual(inOrder(outside.flushed), valuesFrom(0, 25), 'nothing twice')
    assert.equal(outside.opened, outside.closed)
  })

  test(`${delivery}: killed at every call, nothing is lost, and nothing is twice where that is promised`, async () => {
    for (const killAfterEffect of [false, true]) {
      for (let killAt = 1; ; killAt++) {
        const setting = settingOf(delivery)
        const { program, outside } = setting
        produce(program, 0, 10)
        outside.onWrite = refuseSome
        const outcome = await drain(setting, program.session({ killAt, killAfterEffect }), short)
        produce(program, 10, 16)
        await drain(setting, program.session({ killAt: 4 + (killAt % 11), killAfterEffect }), short)
        await drain(setting)
        const expected = valuesFrom(0, 16).filter((value) => !isRefused(value))
        assertDelivered(outside, expected, `killed at call ${killAt}`)
        const letters = program.log.values('d-dead-letters')
        assert.deepEqual(
          letters.sort(),
          ['v13', 'v3', 'v8'],
          `each dead letter once, killed at call ${killAt}`,
        )
        if (outcome === 'drained') {
          assert.ok(killAt > 6, `${killAt}`)
          break
        }
      }
    }
  })

  test(`${delivery}: failures of the sink that pass are tried again from the last flush`, async () => {
    const plans: ((outside: SinkOutside) => void)[] = []
    for (let nth = 1; nth <= 8; nth++) {
      plans.push((outside) => {
        outside.onWrite = (records, write) => {
          if (write === nth) throw retriable()
          refuseSome(records)
        }
      })
      plans.push((outside) => {
        outside.onWrite = refuseSome
        outside.onFlush = (flush) => {
          if (flush === nth) throw retriable()
        }
      })
    }
    for (const [index, plan] of plans.entries()) {
      const setting = settingOf(delivery)
      plan(setting.outside)
      produce(setting.program, 0, 12)
      await drain(setting, setting.program.session(), { flushInterval: 3 })
      const expected = valuesFrom(0, 12).filter((value) => !isRefused(value))
      assertDelivered(setting.outside, expected, `plan ${index}`)
      assert.deepEqual(setting.program.log.values('d-dead-letters').sort(), ['v3', 'v8'], `plan ${index}`)
      assert.equal(setting.outside.opened, setting.outside.closed)
    }
  })

  test(`${delivery}: calls to the log that fail once lose nothing`, async () => {
    for (const operation of [
      'init',
      'commitOffsets',
      'sendOffsets',
      'sendBatch',
      'commit',
      'poll',
      'committed',
    ] as const) {
      for (const afterEffect of [false, true]) {
        for (let nth = 1; nth <= 3; nth++) {
          // The client looks for its own way out of a poll that failed with effect: it does not happen.
          if (operation === 'poll' && afterEffect) continue
          const setting = settingOf(delivery)
          const { program, outside } = setting
          outside.onWrite = refuseSome
          produce(program, 0, 16)
          const session = program.session()
          session.fail({ operation, nth, afterEffect, error: retriable() })
          await drain(setting, session, { flushInterval: 3 })
          const expected = valuesFrom(0, 16).filter((value) => !isRefused(value))
          assertDelivered(outside, expected, `${operation} ${nth} ${afterEffect}`)
          assert.deepEqual(program.log.values('d-dead-letters').sort(), ['v13', 'v3', 'v8'])
        }
      }
    }
  })
}

/** Flushes and commits after each poll. */
const short = { flushInterval: 0 }

const isRefused = (value: string): boolean => Number(value.slice(1)) % 5 === 3

function refuseSome(records: readonly StoredRecord[]): void {
  const failures = records.flatMap((record, index) =>
    isRefused(textOf(record)) ? [{ index, error: refusal() }] : [],
  )
  if (failures.length > 0) throw new PartialWriteError(failures)
}

test('a record that is refused goes to the dead letters with its place and reason', async () => {
  const setting = settingOf('at-least-once')
  const { program, outside } = setting
  outside.onWrite = refuseSome
  produce(program, 0, 5)
  await drain(setting)
  const [letter, ...others] = program.log.records('d-dead-letters')
  assert.deepEqual(others, [])
  assert.equal(letter?.key?.toString(), 'k3')
  assert.equal(textOf(letter!), 'v3')
  assert.equal(letter?.timestampMs, 1003)
  const text = (name: string): string | undefined => headerText(letter!.headers, name)
  assert.equal(text('h'), 'x')
  assert.equal(text('__connect.errors.topic'), 't')
  assert.equal(text('__connect.errors.partition'), '1')
  assert.equal(text('__connect.errors.offset'), '1')
  assert.equal(text('__connect.errors.stage'), 'TASK_PUT')
  assert.equal(text('__connect.errors.connector.name'), 'd')
  assert.equal(text('__connect.errors.class.name'), 'test')
  assert.equal(text('mr-reason'), 'MR_RECORD_INVALID')
})

test('records that fail alone for a while are tried again before any later one', async () => {
  const setting = settingOf('at-least-once')
  const { program, outside } = setting
  outside.onWrite = (records, write) => {
    if (write > 4) return
    const from = records.findIndex((record) => Number(textOf(record).slice(1)) >= 2)
    if (from < 0) return
    const failures = records.flatMap((_, index) => (index < from ? [] : [{ index, error: retriable() }]))
    throw new PartialWriteError(failures)
  }
  produce(program, 0, 12)
  await drain(setting)
  assert.deepEqual(inOrder(outside.flushed), valuesFrom(0, 12))
  assertOrderPerPartition(outside.flushed)
})

test('refused records may be skipped, or end the delivery with their place', async () => {
  const skipping = settingOf('exactly-once')
  skipping.outside.onWrite = refuseSome
  produce(skipping.program, 0, 10)
  await drain(skipping, skipping.program.session(), { onInvalid: 'skip' })
  assert.deepEqual(
    inOrder(skipping.outside.flushed),
    valuesFrom(0, 10).filter((value) => !isRefused(value)),
  )

  const failing = settingOf('exactly-once')
  failing.outside.onWrite = refuseSome
  produce(failing.program, 0, 10)
  const runner = runnerOf(failing, failing.program.session(), { onInvalid: 'fail' })
  void runner.start().catch(() => {})
  const target = runner.drainTo(endsOf(failing.program))
  await assert.rejects(failing.program.run(runner.untilEnded()), (error) => {
    assert.ok(isMillraceError(error, 'MR_RECORD_INVALID'))
    assert.match(error.where ?? '', /^t\/[01]@\d$/)
    return true
  })
  await assert.rejects(target, (error) => isMillraceError(error, 'MR_RECORD_INVALID'))
  assert.equal(runner.state, 'failed')
  assert.equal(runner.snapshot().error?.code, 'MR_RECORD_INVALID')
})

test('a sink that fails for good ends the delivery, and what was not flushed is not committed', async () => {
  const setting = settingOf('at-least-once')
  const { program, outside } = setting
  produce(program, 0, 12)
  outside.onWrite = (_, write) => {
    if (write === 3) throw new MillraceError('MR_SINK_FAILED', 'gone')
  }
  const runner = runnerOf(setting, program.session(), { flushInterval: '1 hour' })
  void runner.start()
  await assert.rejects(program.run(runner.untilEnded()), (error) => isMillraceError(error, 'MR_SINK_FAILED'))
  assert.deepEqual(outside.flushed, [])
  assert.deepEqual([...program.log.groupOffsets('sink-d')], [])
  assert.equal(outside.opened, outside.closed)
  await drain(setting)
  assert.deepEqual(inOrder(outside.flushed), valuesFrom(0, 12))
})

test('failures that last are given up after the retry timeout, and nothing is committed', async () => {
  const setting = settingOf('at-least-once')
  const { program, outside } = setting
  outside.onFlush = () => {
    throw retriable()
  }
  produce(program, 0, 4)
  const startMs = program.simulation.clock.monotonicMs()
  const runner = runnerOf(setting, program.session(), { retryTimeout: '1 minute' })
  void runner.start()
  await assert.rejects(program.run(runner.untilEnded()), (error) =>
    isMillraceError(error, 'MR_CONNECTION_LOST'),
  )
  const tookMs = program.simulation.clock.monotonicMs() - startMs
  assert.ok(tookMs > 50_000 && tookMs < 62_000, `${tookMs}`)
  assert.deepEqual([...program.log.groupOffsets('sink-d')], [])
})

test('a commit that the group refuses ends in taking the records again', async () => {
  const setting = settingOf('at-least-once')
  const { program, outside } = setting
  produce(program, 0, 6)
  const session = program.session()
  const error = new MillraceError('MR_KAFKA', 'no', { context: { kafkaName: 'ILLEGAL_GENERATION' } })
  session.fail({ operation: 'commitOffsets', nth: 1, error })
  await drain(setting, session)
  assert.deepEqual([...new Set(inOrder(outside.flushed))], valuesFrom(0, 6))
  assert.deepEqual([...program.log.groupOffsets('sink-d').values()], [3, 3])
})

test('a sink that is ahead of the topic is refused', async () => {
  const setting = settingOf('exactly-once')
  setting.outside.positions.set('t/0', 99)
  produce(setting.program, 0, 4)
  const runner = runnerOf(setting, setting.program.session())
  void runner.start().catch(() => {})
  await assert.rejects(setting.program.run(runner.untilEnded()), (error) => {
    assert.ok(isMillraceError(error, 'MR_SINK_FAILED'))
    assert.match(error.message, /t\/0 up to 99, but it ends at 2/)
    return true
  })
})

test('a target is reached behind markers of transactions and with empty partitions', async () => {
  const setting = settingOf('at-least-once')
  const { program } = setting
  const builder = new RecordBatchBuilder()
  builder.append(1, null, Buffer.from('v0'))
  program.log.openForeign('t', 0, builder)('committed')
  assert.equal(program.log.endOffset('t', 0), 2)
  await drain(setting)
  assert.deepEqual(setting.outside.flushed, ['v0'])
  assert.equal(program.log.groupOffsets('sink-d').get('t/0'), 2)
})

test('stop flushes and commits what was taken', async () => {
  const setting = settingOf('at-least-once')
  const { program, outside } = setting
  produce(program, 0, 30)
  const runner = runnerOf(setting, program.session(), { flushInterval: '1 hour' })
  void runner.start()
  await program.simulation.advance(12)
  await program.run(runner.stop())
  assert.equal(runner.state, 'stopped')
  assert.equal(outside.opened, outside.closed)
  const taken = outside.flushed.length
  assert.ok(taken > 0)
  const committed = [...program.log.groupOffsets('sink-d').values()].reduce((sum, offset) => sum + offset, 0)
  assert.equal(committed, taken)
  await drain(setting)
  assert.deepEqual(inOrder(outside.flushed), valuesFrom(0, 30))
})

test('stop ends within its time even when the log does not answer', async () => {
  for (const calls of [0, 1, 3, 6]) {
    const setting = settingOf('at-least-once')
    produce(setting.program, 0, 30)
    const session = setting.program.session()
    const runner = runnerOf(setting, session)
    const target = runner.drainTo(new Map([['t/0', 1_000_000]]))
    void runner.start().catch(() => {})
    if (calls > 0) await setting.program.run(reached(setting.program, () => session.calls >= calls))
    session.kill()
    const startMs = setting.program.simulation.clock.monotonicMs()
    await setting.program.run(runner.stop({ withinMs: 2000 }))
    assert.ok(setting.program.simulation.clock.monotonicMs() - startMs <= 2000)
    assert.equal(runner.state, 'stopped')
    await assert.rejects(target, (error) => isMillraceError(error, 'MR_ABORTED'))
  }
})

async function reached(program: TestProgram, holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => program.simulation.clock.after(1, resolve))
}

test('the snapshot tells records, bytes, lag and time', async () => {
  const setting = settingOf('exactly-once')
  const { program } = setting
  produce(program, 0, 10)
  const runner = runnerOf(setting, program.session())
  void runner.start()
  await program.run(runner.drainTo(endsOf(program)))
  const { records, bytes, committedRecords, lagRecords, eventTimeMs, lagMs, flushes, state } =
    runner.snapshot()
  assert.deepEqual(
    { records, bytes, committedRecords, lagRecords, state },
    {
      records: 10,
      bytes: 40,
      committedRecords: 10,
      lagRecords: 0,
      state: 'running',
    },
  )
  assert.ok(eventTimeMs === 1008 || eventTimeMs === 1009)
  assert.equal(lagMs, program.simulation.clock.nowMs() - eventTimeMs)
  assert.ok(flushes >= 1)
  await program.run(runner.stop())
})

test('a delivery that cannot work is refused when it is described', () => {
  const { sink } = settingOf('idempotent')
  const refused = (name: string, options: object, code = 'MR_OPTION_INVALID'): void => {
    assert.throws(
      () => deliver(name, { topics: ['t'], sink, ...options }),
      (error) => isMillraceError(error) && error.code === code,
      JSON.stringify(options),
    )
  }
  refused('a b', {})
  refused('d', { topics: [] })
  refused('d', { topics: ['a/b'] }, 'MR_TOPIC_NAME_INVALID')
  refused('d', { deadLetters: 't' })
  refused('d', { batchRecordsMax: 0 })
  refused('d', { flushRecordsMax: 1.5 })
  assert.deepEqual(deliver('d', { topics: ['t', 't'], sink }).topics, ['t'])
})
