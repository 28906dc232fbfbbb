import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Duration } from '../../core/duration.ts'
import { json } from '../../core/serde.ts'
import { pipeline } from '../../dsl/pipeline.ts'
import { tumbling } from '../../dsl/window.ts'
import { count } from '../../operators/aggregator.ts'
import { simulatedRandom } from '../../platform/simulated/random.ts'
import { assertOnce, assertOrder } from '../record-checks.ts'
import {
  clockJump,
  crashAt,
  delay,
  delaysUnder,
  describeFault,
  drawFaults,
  duplicate,
  type Fault,
  partition,
  reorder,
} from './fault.ts'
import { assertSurvives, findBreakage } from './search.ts'
import { type ClusterTestOptions, type ClusterTestRun, runTestCluster } from './test-cluster.ts'

const COUNT = 60

function passing() {
  const app = pipeline('passing')
  app.stream('in', json<number>()).to('out')
  return app
}

function once() {
  const app = pipeline('once')
  app
    .stream('in', json<number>())
    .deduplicate({ within: '1 hour', id: (value) => value })
    .to('out')
  return app
}

function counting(lateness = '1 hour') {
  const app = pipeline('counting')
  app
    .stream('in', json<number>(), { lateness: lateness as Duration })
    .groupByKey()
    .window(tumbling('1 second'))
    .aggregate({ n: count() })
    .to('out')
  return app
}

const numberOf = ({ value }: { readonly value: Uint8Array | null }): number => JSON.parse(String(value))

function run(more: Partial<ClusterTestOptions> = {}): Promise<ClusterTestRun> {
  return runTestCluster({
    seed: 1,
    pipeline: passing,
    topics: { in: 2 },
    instances: 2,
    records: Array.from({ length: COUNT }, (_, n) => ({
      topic: 'in',
      key: `key-${n % 5}`,
      value: String(n),
      timestampMs: n * 100,
    })),
    read: ['in', 'out'],
    ...more,
  })
}

/** What must hold of every run of `passing`. */
function check({ acknowledged, uncertain, topics }: ClusterTestRun): void {
  assertOnce(acknowledged, topics['in']!, { id: numberOf, uncertain })
  assertOnce(topics['in']!.map(numberOf), topics['out']!, { id: numberOf })
  assertOrder(topics['out']!, { line: ({ key }) => String(key), number: numberOf })
}

describe('a cluster under test', () => {
  const schedules: readonly (readonly [string, readonly Fault[]])[] = [
    ['nothing', []],
    ['a broker that loses its power', [crashAt(100, 'broker', { how: 'power' })]],
    ['an instance that ends', [crashAt(150, 'instance-1', { down: '1 second' })]],
    [
      'a network that parts and slows down',
      [partition(50, ['broker', 'instance-0'], 400), delay(200, [5, 60], 300)],
    ],
    ['clocks that jump', [clockJump(100, 3_600_000), clockJump(200, -7_200_000)]],
  ]
  for (const [what, faults] of schedules) {
    it(`passes every record on once and in order, through ${what}`, async () => {
      const ended = await run({ faults })
      check(ended)
      assert.ok(ended.acknowledged.length > 0)
    })
  }

  it('survives schedules by chance', () =>
    assertSurvives({
      seeds: [1, 2, 3, 4, 5, 6],
      faults: (chance) => drawFaults(chance, { instances: 2, withinMs: 500 }),
      run: async (seed, faults) => check(await run({ seed, faults })),
    }))

  it('counts no record twice, and runs the same way for the same seed', async () => {
    const faults = [crashAt(120, 'instance-0'), crashAt(260, 'broker', { how: 'power' })]
    const once = await run({ pipeline: counting, faults })
    const total = once.topics['out']!.reduce((sum, { value }) => sum + JSON.parse(String(value)).n, 0)
    assert.equal(total, once.topics['in']!.length)
    assert.deepEqual(await run({ pipeline: counting, faults }), once)
  })

  it('shows what at-least-once does, by the fewest faults', async () => {
    const found = await findBreakage({
      seeds: Array.from({ length: 20 }, (_, seed) => seed),
      faults: (chance) => [clockJump(50, 1000), ...drawFaults(chance, { instances: 2, withinMs: 300 })],
      run: async (seed, faults) => check(await run({ seed, faults, delivery: 'at-least-once' })),
    })
    assert.match(String(found?.error), /duplicated|out of order/)
    assert.ok(found!.faults.length >= 1 && found!.faults.every(({ kind }) => kind !== 'clock-jump'))
  })
})

describe('records that are sent twice', () => {
  it('are in the topic twice, the second time later, and only those', async () => {
    const ended = await run({ faults: [duplicate(100, 100, { share: 0.5, after: [20, 60] })] })
    const sent = ended.topics['in']!.map(numberOf)
    const twice = [...new Set(sent)].filter((n) => sent.filter((other) => other === n).length === 2)
    assert.ok(twice.length >= 3 && twice.length < 20, `${twice.length} were sent twice`)
    assert.deepEqual(
      twice.toSorted((a, b) => a - b),
      ended.duplicated.toSorted((a, b) => a - b),
    )
    assert.equal(sent.length, COUNT + twice.length)
    assert.deepEqual(ended.acknowledged.length, COUNT)
    // Others of the partition are between the two.
    const between = (n: number): number => {
      const { partition: own } = ended.topics['in']!.find((record) => numberOf(record) === n)!
      const line = ended.topics['in']!.filter((record) => record.partition === own).map(numberOf)
      return line.lastIndexOf(n) - line.indexOf(n)
    }
    assert.ok(twice.some((n) => between(n) > 1))
    assert.deepEqual(
      ended.topics['out']!.length,
      sent.length,
      'a pipeline that does not look gives them twice',
    )
  })

  it('come out once of a pipeline that deduplicates, also through crashes', async () => {
    const faults = [duplicate(0, 500), crashAt(150, 'instance-0'), crashAt(200, 'broker', { how: 'power' })]
    const ended = await run({ pipeline: once, faults })
    const { acknowledged, uncertain, duplicated, topics } = ended
    assert.ok(duplicated.length > COUNT / 2)
    assertOnce(acknowledged, topics['out']!, { id: numberOf, uncertain })
    assert.deepEqual(await run({ pipeline: once, faults }), ended)
  })
})

describe('records that overtake each other', () => {
  it('keep the order of their key, and no other', async () => {
    const ended = await run({ faults: [reorder(50, 60, 150)] })
    check(ended)
    assert.equal(ended.acknowledged.length, COUNT)
    const inOrder = (numbers: readonly number[]) => numbers.every((n, at) => at === 0 || numbers[at - 1]! < n)
    const line = (partition: number) =>
      ended.topics['in']!.filter((record) => record.partition === partition).map(numberOf)
    assert.ok(!inOrder(line(0)) || !inOrder(line(1)))
    assert.ok(inOrder(ended.acknowledged.slice(0, 5)), 'before the fault all are in order')
    assert.ok(inOrder(ended.acknowledged.slice(-15)), 'and afterwards')
  })

  it('are late for windows that do not wait, and the schedule that shows it is the shortest', async () => {
    const total = ({ topics }: ClusterTestRun) =>
      topics['out']!.reduce((sum, { value }) => sum + JSON.parse(String(value)).n, 0)
    const counted = (lateness: string) => async (seed: number, faults: readonly Fault[]) =>
      assert.equal(total(await run({ seed, faults, pipeline: () => counting(lateness) })), COUNT)
    const schedule = () => [clockJump(20, 1000), reorder(50, 60, 150), delay(100, [1, 5], 50)]
    const found = await findBreakage({ seeds: [1, 2, 3], faults: schedule, run: counted('0 seconds') })
    assert.deepEqual(found?.faults, [reorder(50, 60, 150)])
    // Twelve records of 100 ms: who waits longer has them all.
    assert.equal(
      await findBreakage({ seeds: [1, 2, 3], faults: schedule, run: counted('2 seconds') }),
      undefined,
    )
  })
})

describe('faults', () => {
  it('are drawn of the kinds that are wanted', () => {
    const all = ['partition', 'delay', 'clock-jump', 'crash', 'duplicate', 'reorder'] as const
    const drawn = (kinds?: readonly Fault['kind'][]) =>
      new Set(
        Array.from({ length: 200 }, (_, seed) =>
          drawFaults(simulatedRandom(seed), {
            instances: 2,
            withinMs: 100,
            ...(kinds === undefined ? {} : { kinds }),
          }),
        )
          .flat()
          .map(({ kind }) => kind),
      )
    assert.deepEqual([...drawn()].toSorted(), ['clock-jump', 'crash', 'delay', 'partition'])
    assert.deepEqual([...drawn(all)].toSorted(), all.toSorted())
    assert.deepEqual([...drawn(['reorder'])], ['reorder'])
  })

  it('of several that delay, the last of each kind counts', () => {
    assert.deepEqual(delaysUnder([]), { allMs: undefined, instancesMs: undefined })
    const faults = [delay(0, [1, 2], 9), reorder(0, 30, 9), delay(1, [3, 4], 9), duplicate(1, 9)]
    assert.deepEqual(delaysUnder(faults), { allMs: [3, 4], instancesMs: [0, 30] })
  })

  it('are said in a line', () => {
    assert.deepEqual(
      [duplicate('1 second', 50), duplicate(0, 50, { share: 0.25 }), reorder(7, '1 second', 9)].map(
        describeFault,
      ),
      [
        'at 1000 ms: records twice for 50 ms',
        'at 0 ms: 25 % of the records twice for 50 ms',
        'at 7 ms: records overtake each other by up to 1000 ms for 9 ms',
      ],
    )
  })
})

describe('a search for what breaks', () => {
  const faults = [clockJump(1, 1), crashAt(2, 'broker'), clockJump(3, 3), crashAt(4, 'instance-0')]
  const both = async (_: number, given: readonly Fault[]): Promise<void> => {
    if (given.filter(({ kind }) => kind === 'crash').length === 2) throw new Error('two crashes')
  }

  it('leaves out every fault that is not needed', async () => {
    const found = await findBreakage({ seeds: [1], faults: () => faults, run: both })
    assert.deepEqual(found?.faults, [faults[1], faults[3]])
    await assert.rejects(assertSurvives({ seeds: [9], faults: () => faults, run: both }), {
      code: 'ERR_ASSERTION',
      message:
        'seed 9: two crashes\n' +
        '  at 2 ms: process crash of broker for 100 ms\n' +
        '  at 4 ms: process crash of instance-0 for 100 ms\n' +
        '  again with seeds: [9]',
    })
  })

  it('finds nothing where nothing breaks', async () => {
    assert.equal(await findBreakage({ seeds: [1, 2], faults: () => [], run: both }), undefined)
  })
})
