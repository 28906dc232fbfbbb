/** `millrace topics mirror` between two brokers of ours. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { createConsumer } from '../../src/client/consumer/consumer.ts'
import { until } from '../../src/platform/clock.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { endChildren, inTime } from './child.ts'
import {
  exitOf,
  type Outcome,
  onTerminal,
  type RunOptions,
  run,
  start,
  startCluster,
  type TestCluster,
} from './millrace.ts'

const WAIT_MS = 60_000

let source: TestCluster
let target: TestCluster
let there: Cluster
before(async () => {
  source = await startCluster()
  target = await startCluster()
  there = new Cluster({ platform: nodePlatform(), brokers: [target.address] })
})
afterEach(endChildren)
after(async () => {
  await there.close()
  await Promise.all([source.close(), target.close()])
})

const to = (): string => `kafka://${target.address}`
const mirror = (argv: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  run(['topics', 'mirror', ...argv], { env: source.env, ...options })
// biome-ignore lint/suspicious/noExplicitAny: what is wrong in it fails the assertion
const answerOf = ({ out, err, status }: Outcome): any => {
  assert.equal(status, 0, err)
  return JSON.parse(out)
}
const valuesIn = async ({ env }: TestCluster, topic: string): Promise<readonly string[]> => {
  const { out, status, err } = await run(['consume', topic, '-f', '%p %t %k %v %h\\n', '-q'], { env })
  assert.equal(status, 0, err)
  return out.trim().split('\n')
}

async function makeTopic(topic: string, ...counts: readonly number[]): Promise<void> {
  await source.createTopic(topic, counts.length)
  await produceTo(topic, ...counts)
}

async function produceTo(topic: string, ...counts: readonly number[]): Promise<void> {
  const records = counts.flatMap((count, partition) =>
    Array.from({ length: count }, (_, n) => ({
      topic,
      partition,
      key: `${n % 7}`,
      value: n % 5 === 0 ? null : `value ${n}`,
      headers: n % 3 === 0 ? [{ key: 'n', value: Buffer.from(`${n}`) }] : [],
      timestampMs: 1_700_000_000_000 + n,
    })),
  )
  await source.produce(...records)
}

async function read(group: string, topic: string, count: number): Promise<void> {
  const { err, status } = await run(['consume', topic, '-g', group, '-n', `${count}`, '-q'], {
    env: source.env,
  })
  assert.equal(status, 0, err)
}

describe('copies', () => {
  test('a topic with its settings, its records and the positions of groups, and then only what is new', async () => {
    const topic = 'orders'
    await run(['topics', 'create', topic, '-p', '2', '--set', 'retention.ms=-1', '--set', 'flush=group'], {
      env: source.env,
    })
    await produceTo(topic, 60, 40)
    await read('billing', topic, 100)
    await produceTo(topic, 5, 0)
    assert.deepEqual(answerOf(await mirror([topic, '--to', to()])), {
      topics: [
        { topic, partitions: 2, target: 'created', copied: 105, lag: 0, missed: 0, settings_left: ['flush'] },
      ],
      groups: [{ group: 'billing', moved_partitions: 2, kept: null }],
    })
    assert.deepEqual((await valuesIn(target, topic)).toSorted(), (await valuesIn(source, topic)).toSorted())
    const settings = await run(['topics', 'describe', topic, '--json'], { env: target.env })
    assert.equal(answerOf(settings)[0].settings['retention.ms'], '-1')

    await produceTo(topic, 0, 3)
    const again = answerOf(await mirror([topic, '--to', to()]))
    assert.deepEqual([again.topics[0].target, again.topics[0].copied], ['continued', 3])
    const last = answerOf(await mirror([topic, '--to', to()]))
    assert.deepEqual([last.topics[0].copied, last.groups[0].kept], [0, 'up to date'])
    const rest = await run(['consume', topic, '-g', 'billing', '-q'], { env: target.env })
    assert.equal(rest.out.trim().split('\n').length, 8)
  })

  test('all topics that are not internal, or those that a pattern names', async () => {
    await makeTopic('copied.a', 2)
    await makeTopic('copied.b', 3)
    await makeTopic('copiedXc', 1)
    await makeTopic('copied.d-store-changelog', 1)
    const named = ({ topics }: { topics: { topic: string }[] }): string[] => topics.map(({ topic }) => topic)
    const some = answerOf(await mirror(['copied.*', '--to', to(), '--dry-run']))
    assert.deepEqual(named(some), ['copied.a', 'copied.b'])
    const all = named(answerOf(await mirror(['--to', to(), '--dry-run'])))
    assert.ok(all.includes('copiedXc') && !all.includes('copied.d-store-changelog'), all.join())
    const full = answerOf(await mirror(['copied.d-store-changelog', '--to', to(), '--dry-run']))
    assert.equal(full.topics.length, 1)
  })

  test('nothing in a dry run, which says what there is to copy', async () => {
    await makeTopic('planned', 4, 0)
    await read('planners', 'planned', 1)
    const outcome = await mirror(['planned', '--to', to(), '--dry-run'], { terminal: onTerminal })
    assert.equal(
      outcome.out,
      'topic    partitions  target   copied  lag\nplanned           2  created       0    4\n\n' +
        'group     moved_partitions  kept\nplanners                 1\n',
    )
    assert.match(outcome.err, /nothing was copied or moved/)
    const topics = await createAdmin(there).listTopics()
    assert.ok(!topics.some(({ topic }) => topic === 'planned'))
  })

  test('a process that is killed and started again leaves each record once, and --follow goes on', async () => {
    const topic = 'followed'
    await makeTopic(topic, 500, 500)
    const argv = ['topics', 'mirror', topic, '--to', to(), '--follow']
    const at = [0, 1].map((partition) => ({ topic, partition }))
    const written = async (): Promise<number> => {
      const ends = await createAdmin(there).listOffsets(at, { at: 'latest' })
      return [...ends.values()].reduce((sum, { offset }) => sum + offset, 0)
    }
    const more = async (what: string, before: number): Promise<void> => {
      const grown = async (): Promise<boolean> => (await written().catch(() => 0)) > before
      await until(nodeClock, grown, { what, timeoutMs: WAIT_MS, intervalMs: 1 })
    }
    for (let kill = 0; kill < 2; kill++) {
      const before = await written().catch(() => 0)
      const child = start(argv, source.env)
      await inTime(child, 'records at the target', more('the copy goes on', before))
      child.kill('SIGKILL')
      assert.equal((await exitOf(child)).status, 137)
      await produceTo(topic, 200, 100)
    }
    await read('followers', topic, 1600)
    const child = start(argv, source.env)
    const ended = exitOf(child)
    const all = async (): Promise<boolean> => {
      const { out } = await run(['consume', topic, '-f', 'x', '-q'], { env: target.env })
      return out.length >= 1600
    }
    await until(nodeClock, all, { what: 'everything is copied', timeoutMs: WAIT_MS, intervalMs: 50 })
    child.kill('SIGINT')
    const { err, out, status } = await ended
    assert.equal(status, 130, err)
    assert.deepEqual(JSON.parse(out).groups, [{ group: 'followers', moved_partitions: 2, kept: null }])
    assert.deepEqual((await valuesIn(target, topic)).toSorted(), (await valuesIn(source, topic)).toSorted())
  })
})

test('the newer of two mirrors takes over, and the older one says so and ends', async () => {
  const topic = 'twice'
  await makeTopic(topic, 5)
  const older = start(['topics', 'mirror', topic, '--to', to(), '--follow'], source.env)
  const ended = exitOf(older)
  const copied = async (): Promise<boolean> => {
    const { out } = await run(['consume', topic, '-f', 'x', '-q'], { env: target.env })
    return out === 'xxxxx'
  }
  await until(nodeClock, copied, { what: 'the older one copies', timeoutMs: WAIT_MS, intervalMs: 20 })
  await mirror([topic, '--to', to()])
  await produceTo(topic, 2)
  const { err, status } = await ended
  assert.equal(status, 1, err)
  assert.match(err, /another mirror of the same cluster has taken over\n {2}Run one at a time/)
  assert.equal(answerOf(await mirror([topic, '--to', to()])).topics[0].copied, 2)
})

describe('groups', () => {
  test('that have members at the target are left alone, and so is everything with --no-groups', async () => {
    const topic = 'read-there'
    await makeTopic(topic, 10)
    await read('readers', topic, 4)
    const none = answerOf(await mirror([topic, '--to', to(), '--no-groups']))
    assert.deepEqual(none.groups, [])
    const consumer = createConsumer(there, { group: 'readers', offsetReset: 'latest' })
    try {
      await consumer.subscribe([topic])
      const joined = async (): Promise<boolean> => {
        await consumer.poll({ maxWaitMs: 10 })
        return consumer.assignment().length > 0
      }
      await until(nodeClock, joined, { what: 'a member has joined', timeoutMs: WAIT_MS, intervalMs: 5 })
      const kept = answerOf(await mirror([topic, '--to', to()]))
      assert.deepEqual(kept.groups, [{ group: 'readers', moved_partitions: 0, kept: 'has members' }])
    } finally {
      await consumer.close()
    }
  })
})

describe('refuses', () => {
  const refused = async (argv: readonly string[], status: number, text: RegExp): Promise<void> => {
    const outcome = await mirror(argv)
    assert.match(outcome.err, text)
    assert.deepEqual([outcome.status, outcome.out], [status, ''])
  }

  test('a target that is not there or not the address of a Kafka', async () => {
    await refused([], 2, /the cluster to copy to is not given\n {2}Write --to kafka:\/\//)
    await refused(['--to', 'http://k1:9092'], 2, /"http:\/\/k1:9092" does not begin with kafka:\/\//)
    await refused(['--to', 'k1:9092'], 2, /Write --to kafka:\/\/k1:9092\./)
    await refused(['--to', 'kafka://k1'], 2, /"k1" in --to "kafka:\/\/k1" is not host and port/)
    await refused(
      ['--to', 'kafka://127.0.0.1:1'],
      5,
      /no broker answers at 127.0.0.1:1\n.*That is the cluster to copy to/,
    )
    await refused(['--to', `kafka://${source.address}`], 4, /already on the cluster they should go to/)
  })

  test('topics that do not exist', async () => {
    await makeTopic('existing', 1)
    await refused(
      ['exsting', '--to', to()],
      3,
      /topic "exsting" does not exist\n {2}Did you mean "existing"\?/,
    )
    await refused(['nothing*', '--to', to()], 3, /no topic matches "nothing\*"/)
  })

  test('a topic with another number of partitions at the target, or with records of others', async () => {
    await makeTopic('wider', 1, 1)
    await makeTopic('taken', 1)
    await target.createTopic('wider', 3)
    await target.createTopic('taken', 1)
    await target.produce({ topic: 'taken', value: 'theirs' })
    await refused(['wider', '--to', to()], 4, /topic "wider" has 2 partitions, and 3 at the target/)
    await refused(['taken', '--to', to()], 4, /topic "taken" has records at the target that no mirror/)
    await refused(['wider', 'taken', '--to', to()], 4, /2 topics cannot be mirrored: "taken" .*; "wider" /)
  })

  test('a topic that was made anew at the source', async () => {
    await makeTopic('renewed', 3)
    answerOf(await mirror(['renewed', '--to', to()]))
    await run(['topics', 'delete', 'renewed', '--yes'], { env: source.env })
    await makeTopic('renewed', 1)
    await refused(
      ['renewed', '--to', to()],
      4,
      /topic "renewed" was deleted and made anew since it was mirrored/,
    )
  })
})
