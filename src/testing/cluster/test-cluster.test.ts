import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json } from '../../core/serde.ts'
import { pipeline } from '../../dsl/pipeline.ts'
import { tumbling } from '../../dsl/window.ts'
import { count } from '../../operators/aggregator.ts'
import { assertOnce, assertOrder } from '../record-checks.ts'
import { clockJump, crashAt, delay, drawFaults, type Fault, partition } from './fault.ts'
import { assertSurvives, findBreakage } from './search.ts'
import { type ClusterTestOptions, type ClusterTestRun, runTestCluster } from './test-cluster.ts'

const COUNT = 60

function passing() {
  const app = pipeline('passing')
  app.stream('in', json<number>()).to('out')
  return app
}

function counting() {
  const app = pipeline('counting')
  app
    .stream('in', json<number>(), { lateness: '1 hour' })
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
        '  at 4 ms: process crash of instance-0 for 100 ms',
    })
  })

  it('finds nothing where nothing breaks', async () => {
    assert.equal(await findBreakage({ seeds: [1, 2], faults: () => [], run: both }), undefined)
  })
})
