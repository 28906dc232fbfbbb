import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isMillraceError, MillraceError } from '../core/errors.ts'
import { headerText } from '../core/record.ts'
import { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.ts'
import { type AgentOptions, agent } from './agent.ts'
import { topicChannel } from './channel.ts'
import { interceptor } from './interceptor.ts'
import { POSITIONS_TOPIC } from './position-log.ts'
import { multiplexing, replicating } from './selector.ts'
import { TestOutside, TestProgram, type TestRow, testSource } from './testdata.ts'

const rowsFrom = (from: number, to: number): TestRow[] =>
  Array.from({ length: to - from }, (_, index) => ({
    body: `row ${from + index}`,
    key: `k${(from + index) % 4}`,
  }))

function outsideOf(...counts: number[]): TestOutside {
  const outside = new TestOutside()
  let from = 0
  for (const [index, count] of counts.entries()) {
    outside.add(`unit-${index}`, rowsFrom(from, from + count))
    from += count
  }
  return outside
}

const describe = (outside: TestOutside, options: Partial<AgentOptions> = {}) =>
  agent('a', { source: testSource(outside), channels: [topicChannel('t')], commitInterval: 5, ...options })

const valuesFrom = (from: number, to: number): string[] => rowsFrom(from, to).map((row) => String(row.body))

const retriable = (): MillraceError => new MillraceError('MR_CONNECTION_LOST', 'the connection ended')

test('rows become records of the channel, in order, with key, headers and time', async () => {
  const program = new TestProgram()
  const outside = new TestOutside()
  outside.add('u', [
    { body: { a: 1 }, key: 'k', headers: { h: 'v' }, timestampMs: 5 },
    { body: 'text' },
    { body: 'flume', headers: { timestamp: '77' } },
  ])
  const runner = await program.runOnce(describe(outside))
  const [first, second, third] = program.log.records('t')
  assert.equal(first?.value?.toString(), '{"a":1}')
  assert.equal(first?.key?.toString(), 'k')
  assert.equal(first?.timestampMs, 5)
  assert.equal(headerText(first!.headers, 'h'), 'v')
  assert.equal(second?.key, null)
  assert.ok(Math.abs(second!.timestampMs - program.simulation.clock.nowMs()) < 1000, 'the time of collecting')
  assert.equal(third?.timestampMs, 77)
  assert.equal(runner.state, 'stopped')
})

test('an agent goes on behind the last transaction, also with what came later', async () => {
  const program = new TestProgram()
  const outside = outsideOf(7, 4)
  await program.runOnce(describe(outside))
  assert.deepEqual(program.log.values('t'), valuesFrom(0, 11))
  await program.runOnce(describe(outside))
  assert.deepEqual(program.log.values('t'), valuesFrom(0, 11), 'nothing twice')
  outside.add('later', rowsFrom(11, 15))
  await program.runOnce(describe(outside))
  assert.deepEqual(program.log.values('t'), valuesFrom(0, 15))
})

test('topics are made as described, and those of replays keep old events', async () => {
  const program = new TestProgram()
  const channels = [
    topicChannel('t', { partitions: 3, config: { 'cleanup.policy': 'compact' } }),
    topicChannel('u'),
  ]
  await program.runOnce(describe(outsideOf(1), { channels, replay: { speed: 0 } }))
  assert.equal(program.log.partitionCount('t'), 3)
  assert.deepEqual(program.log.topicConfigs.get('t'), { 'retention.ms': '-1', 'cleanup.policy': 'compact' })
  assert.deepEqual(program.log.topicConfigs.get(POSITIONS_TOPIC), { 'cleanup.policy': 'compact' })
  assert.equal(program.log.partitionCount('a-dead-letters'), 1)
})

test('records of one key stay in one partition, chosen as Kafka does, and others are spread', async () => {
  const program = new TestProgram()
  const outside = new TestOutside()
  outside.add('u', [...rowsFrom(0, 40), ...Array.from({ length: 40 }, () => ({ body: 'x' }))])
  await program.runOnce(
    describe(outside, { channels: [topicChannel('t', { partitions: 3 })], commitInterval: 1 }),
  )
  const records = program.log.records('t')
  const partitionsOf = (key: string | undefined): number[] => [
    ...new Set(records.filter((record) => record.key?.toString() === key).map((record) => record.partition)),
  ]
  for (const key of ['k0', 'k1', 'k2', 'k3']) assert.equal(partitionsOf(key).length, 1)
  assert.equal(partitionsOf(undefined).length, 3)
})

test('interceptors change, multiply and drop events; the order is kept', async () => {
  const program = new TestProgram()
  const outside = outsideOf(6)
  const runner = await program.runOnce(
    describe(outside, {
      interceptors: [
        (event) => (event.body === 'row 2' ? undefined : event),
        interceptor<string>('double', (event) => [event, { ...event, body: `${event.body} again` }]),
        (event) => ({ ...event, body: String(event.body).toUpperCase() }),
      ],
    }),
  )
  assert.deepEqual(
    program.log.values('t'),
    [0, 1, 3, 4, 5].flatMap((n) => [`ROW ${n}`, `ROW ${n} AGAIN`]),
  )
  const { rowsIn, droppedRows, channels } = runner.snapshot()
  assert.deepEqual(
    { rowsIn, droppedRows, records: channels[0]?.records },
    { rowsIn: 6, droppedRows: 1, records: 10 },
  )
})

test('a row that fails goes to the dead letters with its bytes, reason and place, and leaves nothing else', async () => {
  const program = new TestProgram()
  const outside = new TestOutside()
  outside.add('file.csv', [
    { body: 'good' },
    { body: 'bad bytes', bad: true },
    { body: 'half' },
    { body: 'end' },
  ])
  const failing = interceptor<string>('failing', (event) => {
    if (event.body !== 'half') return event
    return [event, { headers: {}, body: 'second half', timestampMs: -1 }]
  })
  const runner = await program.runOnce(describe(outside, { interceptors: [failing] }))
  assert.deepEqual(program.log.values('t'), ['good', 'end'], 'no half of a row')
  const letters = program.log.records('a-dead-letters')
  const texts = (name: string): (string | undefined)[] =>
    letters.map((letter) => headerText(letter.headers, name))
  assert.deepEqual(program.log.values('a-dead-letters'), ['bad bytes', 'half'])
  assert.deepEqual(
    letters.map((letter) => letter.key?.toString()),
    ['file.csv:2', 'file.csv:3'],
  )
  assert.deepEqual(texts('mr-source-file'), ['file.csv', 'file.csv'])
  assert.deepEqual(texts('mr-source-line'), ['2', '3'])
  assert.deepEqual(texts('mr-reason'), ['MR_RECORD_INVALID', 'MR_RECORD_INVALID'])
  assert.deepEqual(texts('mr-context'), ['{"column":"x"}', '{}'])
  assert.deepEqual(texts('__connect.errors.stage'), ['VALUE_CONVERTER', 'TRANSFORMATION'])
  assert.deepEqual(texts('__connect.errors.connector.name'), ['a', 'a'])
  assert.equal(texts('__connect.errors.exception.message')[0], '"bad bytes" is bad')
  assert.equal(runner.snapshot().deadLetters, 2)
  assert.equal(runner.snapshot().deadLetterTopic.records, 2)
})

test('whatever an interceptor does wrong is a dead letter with a reason', async () => {
  const wrongs: [unknown, string][] = [
    [() => Promise.resolve(undefined), 'MR_FUNCTION_FAILED'],
    [() => 5, 'MR_FUNCTION_FAILED'],
    [() => null, 'MR_FUNCTION_FAILED'],
    [() => ({ headers: {} }), 'MR_FUNCTION_FAILED'],
    [
      () => {
        throw new TypeError('oops')
      },
      'MR_FUNCTION_FAILED',
    ],
    [() => ({ headers: {}, body: { big: 1n } }), 'MR_RECORD_INVALID'],
    [() => ({ headers: {}, body: 'x', timestampMs: 1.5 }), 'MR_RECORD_INVALID'],
    [() => ({ headers: {}, body: 'x', topic: 'elsewhere' }), 'MR_TOPIC_UNKNOWN'],
    [() => ({ headers: {}, body: 'x'.repeat(2_000_000) }), 'MR_RECORD_TOO_LARGE'],
  ]
  for (const [wrong, reason] of wrongs) {
    const program = new TestProgram()
    await program.runOnce(describe(outsideOf(1), { interceptors: [wrong as () => undefined] }))
    const [letter, ...others] = program.log.records('a-dead-letters')
    assert.equal(headerText(letter!.headers, 'mr-reason'), reason, String(wrong))
    assert.equal(letter?.value?.toString(), 'row 0')
    assert.deepEqual(others, [])
    assert.deepEqual(program.log.values('t'), [])
  }
})

test('a dead letter that is too large is cut and says so', async () => {
  const program = new TestProgram()
  const outside = new TestOutside()
  outside.add('u', [{ body: 'x'.repeat(50_000), bad: true }])
  await program.runOnce(describe(outside, { recordBytesMax: 20_000 }))
  const [letter] = program.log.records('a-dead-letters')
  assert.ok(letter!.value!.length < 20_000)
  assert.equal(headerText(letter!.headers, 'mr-truncated-from'), '50000')
})

test('invalid rows may be skipped, or stop the agent with what came before committed', async () => {
  const rows = [...rowsFrom(0, 4), { body: 'bad', bad: true }, ...rowsFrom(5, 7)]
  const outside = new TestOutside()
  outside.add('u', rows)
  const skipping = new TestProgram()
  const runner = await skipping.runOnce(describe(outside, { onInvalid: 'skip' }))
  assert.equal(skipping.log.values('t').length, 6)
  assert.equal(runner.snapshot().skippedRows, 1)

  const failing = new TestProgram()
  const description = describe(outside, { onInvalid: 'fail' })
  await assert.rejects(failing.runOnce(description), (error) => {
    assert.ok(isMillraceError(error, 'MR_RECORD_INVALID'))
    assert.equal(error.where, 'u:5')
    return true
  })
  const before = failing.log.values('t')
  await assert.rejects(failing.runOnce(description))
  assert.deepEqual(failing.log.values('t'), before, 'nothing is repeated by the next start')
  assert.ok(before.length <= 3, 'the batch that holds the bad row is not there in part')
})

test('selectors: replicating with optional channels, multiplexing by header', async () => {
  const program = new TestProgram()
  const outside = new TestOutside()
  outside.add('u', [
    { body: 'x', headers: { kind: 'a' } },
    { body: 'y', headers: { kind: 'b' } },
    { body: 'z' },
  ])
  const channels = ['a', 'b', 'c'].map((topic) => topicChannel(topic))
  const selector = multiplexing({ header: 'kind', mapping: { a: 'a', b: ['a', 'b'] }, default: 'c' })
  await program.runOnce(agent('m', { source: testSource(outside), channels, selector }))
  assert.deepEqual(program.log.values('a'), ['x', 'y'])
  assert.deepEqual(program.log.values('b'), ['y'])
  assert.deepEqual(program.log.values('c'), ['z'])
  await program.runOnce(
    agent('r', { source: testSource(outside), channels, selector: replicating({ optional: ['c'] }) }),
  )
  assert.deepEqual(program.log.values('a').slice(2), ['x', 'y', 'z'])
  assert.deepEqual(program.log.values('c').slice(1), ['x', 'y', 'z'])
})

test('an optional channel that fails is left out, a required one stops the agent', async () => {
  const refused = new MillraceError('MR_KAFKA', 'access is denied', {
    context: { topic: 'b' },
    retriable: false,
  })
  const channels = [topicChannel('a'), topicChannel('b')]
  const program = new TestProgram()
  const session = program.session()
  session.fail({ operation: 'sendBatch', topic: 'b', nth: 1, times: 2, error: refused })
  const source = testSource(outsideOf(10))
  const optional = agent('a', {
    source,
    channels,
    selector: replicating({ optional: ['b'] }),
    commitInterval: 5,
  })
  const runner = await program.runOnce(optional, session)
  assert.deepEqual(program.log.values('a'), valuesFrom(0, 10))
  const dropped = runner.snapshot().optionalDropped
  assert.ok(dropped > 0)
  assert.equal(program.log.values('b').length, 10 - dropped)

  const strict = new TestProgram()
  const failing = strict.session()
  failing.fail({ operation: 'sendBatch', topic: 'b', nth: 1, error: refused })
  const required = agent('a', { source: testSource(outsideOf(10)), channels, selector: replicating() })
  await assert.rejects(strict.runOnce(required, failing), (error) => error === refused)
  assert.deepEqual(strict.log.values('a'), [], 'neither channel has it')
})

const faults = [
  'ensureTopics',
  'partitionCount',
  'init',
  'sendBatch',
  'commit',
  'endOffsets',
  'poll',
] as const

test('any call that fails once, with or without effect, loses and repeats nothing', async () => {
  for (const operation of faults) {
    for (const afterEffect of [false, true]) {
      for (let nth = 1; nth <= 6; nth++) {
        const program = new TestProgram()
        const outside = outsideOf(8, 5)
        await program.runOnce(describe(outside))
        outside.add('more', rowsFrom(13, 20))
        const session = program.session()
        session.fail({ operation, nth, afterEffect, error: retriable() })
        await program.runOnce(describe(outside), session)
        assert.deepEqual(program.log.values('t'), valuesFrom(0, 20), `${operation} ${nth} ${afterEffect}`)
      }
    }
  }
})

test('failures that last are given up after the retry timeout, and nothing is half there', async () => {
  const program = new TestProgram()
  const session = program.session()
  session.fail({ operation: 'commit', nth: 2, times: 1_000_000, error: retriable() })
  const outside = outsideOf(20)
  const started = program.simulation.clock.monotonicMs()
  await assert.rejects(program.runOnce(describe(outside, { retryTimeout: '1 minute' }), session), (error) =>
    isMillraceError(error, 'MR_CONNECTION_LOST'),
  )
  const tookMs = program.simulation.clock.monotonicMs() - started
  assert.ok(tookMs > 50_000 && tookMs < 62_000, `${tookMs}`)
  await program.runOnce(describe(outside))
  assert.deepEqual(program.log.values('t'), valuesFrom(0, 20))
})

test('the source is opened again where it stood when it fails in a way that may pass', async () => {
  const program = new TestProgram()
  const outside = outsideOf(9)
  outside.failures.push(retriable(), retriable())
  const runner = await program.runOnce(describe(outside))
  assert.deepEqual(program.log.values('t'), valuesFrom(0, 9))
  assert.equal(outside.opened, 3)
  assert.equal(outside.closed, 3)
  assert.equal(runner.snapshot().retries, 2)
})

test('a source that fails for good stops the agent, with all it gave before committed', async () => {
  const program = new TestProgram()
  const outside = outsideOf(6)
  const runner = program.agent(describe(outside, { commitInterval: '30s' }), {
    transport: program.session(),
  })
  const ended = runner.untilEnded()
  void runner.start()
  await program.run(Promise.race([ended, until(program, () => runner.snapshot().rowsIn === 6)]))
  outside.failures.push(new MillraceError('MR_SOURCE_FILE_CHANGED', 'changed'))
  await assert.rejects(program.run(ended), (error) => isMillraceError(error, 'MR_SOURCE_FILE_CHANGED'))
  assert.equal(runner.state, 'failed')
  assert.deepEqual(runner.snapshot().error, { code: 'MR_SOURCE_FILE_CHANGED', message: 'changed' })
  assert.deepEqual(program.log.values('t'), valuesFrom(0, 6))
  assert.equal(outside.opened, outside.closed)
})

async function until(program: TestProgram, holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => program.simulation.clock.after(1, resolve))
}

test('a second agent of the same name ends the first, and nothing is there twice', async () => {
  const program = new TestProgram()
  const outside = outsideOf(300)
  const first = program.agent(describe(outside), { transport: program.session() })
  void first.start().catch(() => {})
  await program.run(until(program, () => first.snapshot().commits >= 2))
  const second = program.agent(describe(outside), { transport: program.session() })
  void second.start()
  await assert.rejects(program.run(first.untilEnded()), (error) =>
    isMillraceError(error, 'MR_PRODUCER_FENCED'),
  )
  await program.run(until(program, () => program.log.values('t').length >= 300))
  assert.deepEqual(program.log.values('t'), valuesFrom(0, 300))
  await program.run(second.stop())
})

test('a transaction that the broker ended for its age is done again by the same agent', async () => {
  const fenced = new MillraceError('MR_PRODUCER_FENCED', 'the epoch has passed')
  for (const sleptMs of [0, 120_000]) {
    const program = new TestProgram()
    const session = program.session()
    const runner = program.agent(describe(outsideOf(30), { commitInterval: 25 }), { transport: session })
    void runner.start()
    await program.run(until(program, () => runner.snapshot().pendingRecords > 0))
    program.simulation.clock.jumpWallClock(sleptMs)
    session.fail({ operation: 'commit', nth: 1, error: fenced })
    if (sleptMs === 0) {
      await assert.rejects(program.run(runner.untilEnded()), (error) => error === fenced)
      continue
    }
    await program.run(until(program, () => program.log.values('t').length === 30))
    assert.deepEqual(program.log.values('t'), valuesFrom(0, 30))
    await program.run(runner.stop())
  }
})

test('stop commits what was taken and ends; a start goes on behind it', async () => {
  const program = new TestProgram()
  const outside = outsideOf(40)
  const description = describe(outside, { commitInterval: '30s' })
  const runner = program.agent(description, { transport: program.session() })
  void runner.start()
  await program.run(until(program, () => runner.snapshot().rowsIn >= 7))
  await program.run(runner.stop())
  assert.equal(runner.state, 'stopped')
  const taken = program.log.values('t').length
  assert.ok(taken >= 7 && taken < 40)
  assert.equal(outside.opened, outside.closed)
  await program.runOnce(description)
  assert.deepEqual(program.log.values('t'), valuesFrom(0, 40))
})

test('stop ends within its time even when the log does not answer, before, during and after the start', async () => {
  for (const calls of [0, 1, 4, 12, 14]) {
    const program = new TestProgram()
    const session = program.session()
    const runner = program.agent(describe(outsideOf(40)), { transport: session })
    void runner.start().catch(() => {})
    if (calls > 0) await program.run(until(program, () => session.calls >= calls))
    session.kill()
    const startMs = program.simulation.clock.monotonicMs()
    await program.run(runner.stop({ withinMs: 2000 }))
    assert.equal(runner.state, 'stopped')
    assert.ok(program.simulation.clock.monotonicMs() - startMs <= 2000)
    await program.run(runner.untilEnded())
  }
})

test('an agent that was never started stops at once', async () => {
  const program = new TestProgram()
  const runner = program.agent(describe(outsideOf(1)), { transport: program.session() })
  await program.run(runner.stop())
  assert.equal(runner.state, 'stopped')
})

test('an open transaction of another agent hides no position that was committed behind it', async () => {
  const program = new TestProgram()
  const outside = outsideOf(5)
  const runner = program.agent(describe(outside), { transport: program.session() })
  void runner.start()
  await program.run(until(program, () => program.log.values('t').length === 5))
  const builder = new RecordBatchBuilder()
  builder.append(1, Buffer.from('agent/other'), Buffer.from('{}'))
  const end = program.log.openForeign(POSITIONS_TOPIC, 0, builder)
  outside.add('more', rowsFrom(5, 8))
  await program.run(until(program, () => program.log.values('t').length === 8))
  await program.run(runner.stop())
  const again = program.runOnce(describe(outside))
  program.simulation.clock.after(3000, () => end('aborted'))
  await again
  assert.deepEqual(program.log.values('t'), valuesFrom(0, 8))
  assert.ok(program.logger.lines.some((line) => line.includes('waiting for a transaction to end')))
})

test('a position is found behind thousands of others', async () => {
  const program = new TestProgram()
  const outside = outsideOf(5)
  await program.runOnce(describe(outside))
  for (let batch = 0; batch < 8; batch++) {
    const builder = new RecordBatchBuilder()
    for (let n = 0; n < 1000; n++) builder.append(1, Buffer.from(`agent/${n}`), Buffer.from('{}'))
    program.log.append(POSITIONS_TOPIC, 0, builder)
  }
  await program.runOnce(describe(outside))
  assert.deepEqual(program.log.values('t'), valuesFrom(0, 5))
})

test('a position that does not fit the agent is refused by name', async () => {
  const program = new TestProgram()
  const put = (value: string): void => {
    const builder = new RecordBatchBuilder()
    builder.append(1, Buffer.from('agent/a'), Buffer.from(value))
    program.log.append(POSITIONS_TOPIC, 0, builder)
  }
  await program.runOnce(describe(outsideOf(1)))
  const refusals: [string, string][] = [
    ['{', 'MR_SOURCE_FAILED'],
    ['{"version":2}', 'MR_SOURCE_FAILED'],
    ['{"version":1,"commit":9,"connector":"other","source":null,"replay":null}', 'MR_CONFIG_INVALID'],
    ['{"version":1,"commit":9,"connector":"test","source":null,"replay":{"units":[]}}', 'MR_CONFIG_INVALID'],
  ]
  for (const [value, code] of refusals) {
    put(value)
    await assert.rejects(
      program.runOnce(describe(outsideOf(1))),
      (error) => isMillraceError(error) && error.code === code,
    )
  }
})

test('the log killed at every call, one or two times in a row: nothing is lost and nothing is there twice', async () => {
  for (const killAfterEffect of [false, true]) {
    for (let killAt = 1; ; killAt++) {
      const program = new TestProgram()
      const outside = outsideOf(6, 5)
      const description = describe(outside, {
        channels: [topicChannel('t'), topicChannel('u', { partitions: 2 })],
        selector: replicating(),
        commitInterval: 1,
      })
      const outcome = await program.runOnceOrKilled(description, program.session({ killAt, killAfterEffect }))
      await program.runOnceOrKilled(
        description,
        program.session({ killAt: 7 + (killAt % 9), killAfterEffect }),
      )
      await program.runOnce(description)
      assert.deepEqual(program.log.values('t'), valuesFrom(0, 11), `killed at call ${killAt}`)
      assert.deepEqual(program.log.values('u').sort(), valuesFrom(0, 11).sort())
      if (outcome === 'ended') {
        assert.ok(killAt > 20, 'there were calls to be killed at')
        break
      }
    }
  }
})
