import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isMillraceError } from '../../core/errors.ts'
import { type AgentOptions, agent } from '../agent.ts'
import type { AgentRunner } from '../agent-runner.ts'
import { topicChannel } from '../channel.ts'
import { interceptor } from '../interceptor.ts'
import { byTopic } from '../selector.ts'
import { TestOutside, TestProgram, type TestRow, type TestUnit, testSource } from '../testdata.ts'
import { orderByTime } from './radix-sort.ts'

const describe = (outside: TestOutside, options: Partial<AgentOptions> = {}) =>
  agent('a', {
    source: testSource(outside),
    channels: [topicChannel('t')],
    commitInterval: 5,
    replay: { speed: 0 },
    ...options,
  })

function outsideOf(units: readonly TestUnit[]): TestOutside {
  const outside = new TestOutside()
  for (const unit of units) outside.add(unit.name, unit.rows)
  return outside
}

const at = (timestampMs: number, body = String(timestampMs)): TestRow => ({ body, timestampMs })

test('the order by time is that of a stable sort, for any range of times', () => {
  const times = fc.oneof(
    fc.array(fc.nat(5), { maxLength: 200 }),
    fc.array(fc.nat(200_000), { maxLength: 200 }),
    fc.array(fc.maxSafeNat(), { maxLength: 50 }),
    fc.array(
      fc.maxSafeInteger().map((time) => Math.floor(time / 2)),
      { maxLength: 50 },
    ),
  )
  fc.assert(
    fc.property(times, (list) => {
      const expected = list.map((_, index) => index).sort((a, b) => list[a]! - list[b]! || a - b)
      assert.deepEqual([...orderByTime(Float64Array.from(list), list.length)], expected)
    }),
    { numRuns: 500 },
  )
})

test('a set is played in the order of time, units, lines, and within the row', async () => {
  const program = new TestProgram()
  const outside = outsideOf([
    { name: 'b', rows: [at(30), at(10, 'b10'), at(20)] },
    { name: 'a', rows: [at(10, 'a10'), at(5)] },
  ])
  const twice = interceptor<string>('twice', (event) => [event, { ...event, body: `${event.body}+` }])
  await program.runOnce(describe(outside, { interceptors: [twice] }))
  const expected = ['5', 'b10', 'a10', '20', '30'].flatMap((body) => [body, `${body}+`])
  assert.deepEqual(program.log.values('t'), expected)
  assert.deepEqual(
    program.log.records('t').map((record) => record.timestampMs),
    [5, 5, 10, 10, 10, 10, 20, 20, 30, 30],
  )
})

const anyRow = fc.record({
  body: fc.constant('x'),
  timestampMs: fc.nat(20),
  topic: fc.constantFrom('t', 'u'),
  bad: fc.boolean(),
})
const anyUnits = fc.array(fc.array(anyRow, { maxLength: 8 }), { minLength: 1, maxLength: 4 })

test('any set comes in the order of a sort, over all channels, with dead letters where their rows would be', async () => {
  await fc.assert(
    fc.asyncProperty(anyUnits, async (units) => {
      const named = units.map((rows, unit): TestUnit => {
        return { name: `u${unit}`, rows: rows.map((row, line) => ({ ...row, body: `${unit}:${line}` })) }
      })
      const program = new TestProgram()
      const channels = [topicChannel('t'), topicChannel('u')]
      await program.runOnce(describe(outsideOf(named), { channels, selector: byTopic() }))
      const topics = ['t', 'u', 'a-dead-letters']
      const found = topics.flatMap((topic) =>
        program.log
          .records(topic)
          .map((record) => ({ topic, time: record.timestampMs, body: String(record.value) })),
      )
      for (const topic of topics) {
        const expected = expectedOrder(named).filter((record) => record.topic === topic)
        assert.deepEqual(
          found.filter((record) => record.topic === topic).map(({ body }) => body),
          expected.map(({ body }) => body),
        )
        if (found.every((record) => record.topic !== 'a-dead-letters')) continue
        const timed = found.some((record) => record.topic !== 'a-dead-letters')
        if (timed)
          assert.deepEqual(
            found.filter((record) => record.topic === topic),
            expected,
          )
      }
    }),
    { numRuns: 200 },
  )
})

/** The rules of the order, said once more and slowly. */
function expectedOrder(units: readonly TestUnit[]): { topic: string; time: number; body: string }[] {
  const good = units.flatMap((unit) => unit.rows.filter((row) => !row.bad).map((row) => row.timestampMs!))
  const earliest = good.length === 0 ? 0 : Math.min(...good)
  const timed = units.flatMap((unit) =>
    unit.rows.map((row, line) => {
      const before = unit.rows.slice(0, line).findLast((other) => !other.bad)
      const after = unit.rows.slice(line).find((other) => !other.bad)
      const time = row.bad ? ((before ?? after)?.timestampMs ?? earliest) : row.timestampMs!
      return { topic: row.bad ? 'a-dead-letters' : row.topic!, time, body: String(row.body) }
    }),
  )
  return timed
    .map((record, index) => ({ record, index }))
    .sort((a, b) => a.record.time - b.record.time || a.index - b.index)
    .map(({ record }) => record)
}

const manyUnits: TestUnit[] = Array.from({ length: 3 }, (_, unit) => ({
  name: `u${unit}`,
  rows: Array.from({ length: 9 }, (_, line) => at(((line * 7 + unit * 5) % 23) * 20, `${unit}:${line}`)),
}))
const manyInOrder = expectedOrder(manyUnits.map((unit) => ({ ...unit, rows: unit.rows }))).map(
  ({ body }) => body,
)

test('killed at every call of a replay, it goes on exactly behind what was committed', async () => {
  const description = (outside: TestOutside) => describe(outside, { commitInterval: 1, replay: { speed: 1 } })
  for (const killAfterEffect of [false, true]) {
    for (let killAt = 1; ; killAt++) {
      const program = new TestProgram()
      const outside = outsideOf(manyUnits)
      const outcome = await program.runOnceOrKilled(
        description(outside),
        program.session({ killAt, killAfterEffect }),
      )
      // What comes after the replay was begun must wait for the next set, although it is older.
      if (killAt % 2 === 0) outside.add('later', [at(0, 'later')])
      await program.runOnceOrKilled(description(outside), program.session({ killAt: 10 + (killAt % 5) }))
      await program.runOnce(description(outside))
      const values = program.log.values('t')
      const begun = program.log.operations.filter((operation) => operation === 'commit').length > 0
      assert.ok(begun)
      assert.deepEqual(
        values.filter((value) => value !== 'later'),
        manyInOrder,
        `killed at call ${killAt}`,
      )
      if (killAt % 2 === 0) assert.equal(values.filter((value) => value === 'later').length, 1)
      if (outcome === 'ended') {
        assert.ok(killAt > 25, `${killAt}`)
        assert.equal(values.at(-1), killAt % 2 === 0 ? 'later' : manyInOrder.at(-1))
        break
      }
    }
  }
})

test('what comes while a set is played is the next set', async () => {
  const program = new TestProgram()
  const outside = outsideOf([{ name: 'u', rows: [at(100), at(300)] }])
  const runner = program.agent(describe(outside, { replay: { speed: 1 } }), { transport: program.session() })
  void runner.start()
  await program.simulation.advance(150)
  outside.add('v', [at(50), at(400)])
  await program.simulation.advance(2000)
  assert.deepEqual(program.log.values('t'), ['100', '300', '50', '400'])
  await program.run(runner.stop())
})

async function playTimes(speed: number, restartAtMs?: number): Promise<number[]> {
  const program = new TestProgram()
  const outside = outsideOf([{ name: 'u', rows: [0, 1000, 1000, 4000, 60_000].map((time) => at(time)) }])
  const description = describe(outside, { replay: { speed }, commitInterval: 1 })
  let runner: AgentRunner = program.agent(description, { transport: program.session(), once: true })
  void runner.start()
  const seen: number[] = []
  let startMs: number | undefined
  let restarted = false
  for (let tick = 0; tick < 200_000 && runner.state !== 'stopped'; tick++) {
    await program.simulation.advance(5)
    const nowMs = program.simulation.clock.monotonicMs()
    while (seen.length < program.log.values('t').length) {
      startMs ??= nowMs
      seen.push(Math.round((nowMs - startMs) / 50) * 50)
    }
    if (restartAtMs === undefined || restarted || startMs === undefined || nowMs - startMs < restartAtMs)
      continue
    restarted = true
    await program.run(runner.stop())
    runner = program.agent(description, { transport: program.session(), once: true })
    void runner.start()
  }
  return seen
}

test('events are played at the chosen speed', async () => {
  assert.deepEqual(await playTimes(1), [0, 1000, 1000, 4000, 60_000])
  assert.deepEqual(await playTimes(10), [0, 100, 100, 400, 6000])
  assert.deepEqual(await playTimes(0), [0, 0, 0, 0, 0])
  assert.deepEqual(await playTimes(60_000), [0, 0, 0, 0, 0])
})

test('after a restart playing goes on with the next event at once', async () => {
  const times = await playTimes(1, 2000)
  assert.equal(times.length, 5)
  const [, , third, fourth, fifth] = times as [number, number, number, number, number]
  assert.equal(third, 1000)
  assert.ok(fourth >= 2000 && fourth < 2300, `${fourth}`)
  assert.ok(Math.abs(fifth - fourth - 56_000) <= 100)
})

async function interrupted(program: TestProgram, outside: TestOutside): Promise<void> {
  const slow = describe(outside, { replay: { speed: 1 }, commitInterval: 1 })
  const runner = program.agent(slow, { transport: program.session() })
  void runner.start()
  while (program.log.values('t').length < 2) await program.simulation.advance(5)
  await program.run(runner.stop())
}

const rows = [at(0), at(10), at(5000), at(9000)]

test('a unit that changed, or other interceptors, stop a replay that was interrupted', async () => {
  const changedUnit = new TestProgram()
  const outside = outsideOf([{ name: 'u', rows }])
  await interrupted(changedUnit, outside)
  outside.units[0] = { name: 'u', rows: [...rows.slice(0, 3), at(9001)] }
  await assert.rejects(changedUnit.runOnce(describe(outside)), (error) =>
    isMillraceError(error, 'MR_SOURCE_FILE_CHANGED'),
  )
  const changedCode = new TestProgram()
  const same = outsideOf([{ name: 'u', rows }])
  await interrupted(changedCode, same)
  const drops = interceptor<string>('drops', (event) => (event.body === '5000' ? undefined : event))
  await assert.rejects(changedCode.runOnce(describe(same, { interceptors: [drops] })), (error) =>
    isMillraceError(error, 'MR_SOURCE_FAILED'),
  )
  await changedCode.runOnce(describe(same))
  assert.deepEqual(changedCode.log.values('t'), ['0', '10', '5000', '9000'])
})

test('an interrupted replay does not go on without replay', async () => {
  const program = new TestProgram()
  const outside = outsideOf([{ name: 'u', rows }])
  await interrupted(program, outside)
  const { replay: _, ...live } = {
    source: testSource(outside),
    channels: [topicChannel('t')],
    replay: undefined,
  }
  await assert.rejects(program.runOnce(agent('a', live)), (error) =>
    isMillraceError(error, 'MR_CONFIG_INVALID'),
  )
})

test('interceptors that give other bytes each time do not disturb a replay', async () => {
  const program = new TestProgram()
  const outside = outsideOf([{ name: 'u', rows }])
  let count = 10
  const ids = interceptor<string>('ids', (event) => ({ ...event, headers: { id: String(count++) } }))
  const slow = describe(outside, { replay: { speed: 1 }, commitInterval: 1, interceptors: [ids] })
  const runner = program.agent(slow, { transport: program.session() })
  void runner.start()
  while (program.log.values('t').length < 2) await program.simulation.advance(5)
  await program.run(runner.stop())
  await program.runOnce(slow)
  assert.deepEqual(program.log.values('t'), ['0', '10', '5000', '9000'])
})

test('more than the limit of memory is refused, with what to do', async () => {
  const program = new TestProgram()
  const big = 'x'.repeat(500_000)
  const outside = outsideOf([{ name: 'u', rows: Array.from({ length: 40 }, (_, index) => at(index, big)) }])
  await assert.rejects(
    program.runOnce(describe(outside, { replay: { speed: 0, bytesMax: '10MiB' } })),
    (error) => {
      assert.ok(isMillraceError(error, 'MR_LIMIT'))
      assert.match(error.message, /more than 10 MiB/)
      assert.match(error.hint ?? '', /replay\.bytesMax/)
      return true
    },
  )
  assert.deepEqual(program.log.values('t'), [])
})

test('a set of empty units is done at once, and rows without any time are dated now', async () => {
  const program = new TestProgram()
  const outside = outsideOf([
    { name: 'u', rows: [] },
    { name: 'v', rows: [{ body: 'no time' }, { body: 'bad', bad: true }] },
  ])
  await program.runOnce(describe(outside))
  assert.deepEqual(program.log.values('t'), ['no time'])
  const [record] = program.log.records('t')
  assert.ok(Math.abs(record!.timestampMs - program.simulation.clock.nowMs()) < 1000)
  const commits = program.log.operations.filter((operation) => operation === 'commit').length
  await program.runOnce(describe(outside))
  assert.equal(program.log.operations.filter((operation) => operation === 'commit').length, commits)
})

test('the snapshot tells how a replay stands', async () => {
  const program = new TestProgram()
  const outside = outsideOf([{ name: 'u', rows }])
  const runner = program.agent(describe(outside, { replay: { speed: 1 } }), { transport: program.session() })
  void runner.start()
  await program.simulation.advance(1000)
  const { replay, eventTimeMs, lagMs, unit } = runner.snapshot()
  assert.equal(replay?.phase, 'playing')
  assert.deepEqual([replay?.units, replay?.records, replay?.played], [1, 4, 2])
  assert.equal(eventTimeMs, 10)
  assert.equal(lagMs, program.simulation.clock.nowMs() - 10)
  assert.equal(unit, 'u')
  await program.run(runner.stop())
})
