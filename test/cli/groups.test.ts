/** `millrace groups …` against a broker. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Cluster } from '../../src/client/cluster.ts'
import { createConsumer } from '../../src/client/consumer/consumer.ts'
import { until } from '../../src/platform/clock.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { type Outcome, onTerminal, type RunOptions, run, startCluster, type TestCluster } from './millrace.ts'

const WAIT_MS = 30_000

let cluster: TestCluster
before(async () => {
  cluster = await startCluster()
})
after(() => cluster.close())

const groups = (argv: string, options: RunOptions = {}): Promise<Outcome> =>
  run(['groups', ...argv.split(' ')], { ...options, env: { ...cluster.env, ...options.env } })
const ok = (out: string, err = ''): Outcome => ({ status: 0, out, err })
// biome-ignore lint/suspicious/noExplicitAny: what is wrong in it fails the assertion
const linesOf = (text: string): any[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

/** A topic with `counts[n]` records in partition n. */
async function makeTopic(topic: string, ...counts: readonly number[]): Promise<void> {
  await cluster.createTopic(topic, counts.length)
  const records = counts.flatMap((count, partition) =>
    Array.from({ length: count }, (_, n) => ({ topic, partition, value: `${n}` })),
  )
  await cluster.produce(...records)
}

/** A group that has read the topic to its end and left. */
async function makeGroup(group: string, topic: string): Promise<void> {
  const { status, err } = await run(['consume', topic, '-g', group, '-q'], { env: cluster.env })
  assert.equal(status, 0, err)
}

/** Runs `act` while a member of the group has all partitions of the topic. */
async function whileRead(
  member: { group: string; topic: string; protocol?: 'classic' | 'consumer' },
  act: () => Promise<void>,
): Promise<void> {
  const client = new Cluster({ platform: nodePlatform(), brokers: [cluster.address], clientId: 'reader' })
  const { group, topic, protocol = 'classic' } = member
  const consumer = createConsumer(client, { group, protocol })
  try {
    await consumer.subscribe([topic])
    const joined = async (): Promise<boolean> => {
      await consumer.poll({ maxWaitMs: 10 })
      return consumer.assignment().length > 0
    }
    await until(nodeClock, joined, { what: 'partitions are assigned', timeoutMs: WAIT_MS, intervalMs: 5 })
    await act()
  } finally {
    await consumer.close()
    await client.close()
  }
}

describe('list', () => {
  test('of a cluster without groups says so, and then names them with state and type', async () => {
    const empty = await startCluster()
    const at = { env: empty.env }
    const none = await run(['groups', 'list'], { ...at, terminal: onTerminal })
    assert.deepEqual(none, ok('', 'no groups; `millrace consume TOPIC --group NAME` makes one\n'))
    assert.deepEqual(await run(['groups', 'list', '--json'], at), ok('[]\n'))
    await empty.close()

    await makeTopic('listed', 1)
    await makeGroup('listed.b', 'listed')
    await makeGroup('listed.a', 'listed')
    const { out } = await groups('list')
    const rows = linesOf(out).filter(({ group }) => group.startsWith('listed'))
    assert.deepEqual(
      rows.map(({ group, state, protocol_type }) => [group, state, protocol_type]),
      [
        ['listed.a', 'Empty', 'consumer'],
        ['listed.b', 'Empty', 'consumer'],
      ],
    )
  })
})

describe('describe', () => {
  test('shows position, end and lag of each partition', async () => {
    await makeTopic('told', 3, 2)
    await makeGroup('teller', 'told')
    await cluster.produce({ topic: 'told', partition: 1, value: 'new' })
    const golden = [
      'topic  partition  committed_offset  end_offset  lag  client_id  host',
      'told           0                 3           3    0  ',
      'told           1                 2           3    1  ',
    ]
    const { out, err } = await groups('describe teller', { terminal: onTerminal })
    const lines = out.split('\n').map((line) => line.trimEnd())
    assert.equal(err, '')
    assert.match(lines[0]!, /^teller {2}Empty · 0 members · lag 1 record/)
    assert.deepEqual(
      lines.slice(2, 5),
      golden.map((line) => line.trimEnd()),
    )
  })

  for (const protocol of ['classic', 'consumer'] as const) {
    test(`names the members of a ${protocol} group and what they read`, async () => {
      const topic = `read.${protocol}`
      await makeTopic(topic, 1, 0)
      await whileRead({ group: `reads.${protocol}`, topic, protocol }, async () => {
        const [row] = linesOf((await groups(`describe reads.${protocol}`)).out)
        assert.deepEqual([row.state, row.type, row.lag], ['Stable', protocol, null])
        assert.equal(row.members.length, 1)
        const [{ client_id, partitions, member_id }] = row.members
        assert.deepEqual([client_id, partitions], ['reader', 2])
        assert.deepEqual(
          row.partitions,
          [0, 1].map((partition) => ({
            topic,
            partition,
            committed_offset: null,
            end_offset: partition === 0 ? 1 : 0,
            lag: null,
            client_id,
            host: row.members[0].host,
            member_id,
          })),
        )
        const { out } = await groups(`describe reads.${protocol} -v`, { terminal: onTerminal })
        assert.match(out, /^reads\.\w+ {2}Stable · 1 member · lag not known · /)
      })
    })
  }

  test('names members that have no partition', async () => {
    await makeTopic('narrow', 1)
    const client = new Cluster({ platform: nodePlatform(), brokers: [cluster.address], clientId: 'reader' })
    const members = [1, 2].map(() => createConsumer(client, { group: 'narrow', protocol: 'consumer' }))
    try {
      for (const member of members) await member.subscribe(['narrow'])
      const joined = async (): Promise<boolean> => {
        for (const member of members) await member.poll({ maxWaitMs: 10 })
        const { status, out } = await groups('describe narrow')
        return status === 0 && linesOf(out)[0].members.length === 2
      }
      await until(nodeClock, joined, { what: 'two members', timeoutMs: WAIT_MS, intervalMs: 5 })
      const { out } = await groups('describe narrow', { terminal: onTerminal })
      assert.match(out, /\nwithout a partition: reader at 127\.0\.0\.1\n$/)
    } finally {
      for (const member of members) await member.close()
      await client.close()
    }
  })

  test('leaves out a topic that is gone', async () => {
    await makeTopic('left', 2)
    await makeTopic('lost', 2)
    await makeGroup('both', 'left')
    await makeGroup('both', 'lost')
    await run(['topics', 'delete', 'lost', '--yes'], { env: cluster.env })
    const [row] = linesOf((await groups('describe both')).out)
    assert.equal(row.lag, 0)
    assert.deepEqual(
      row.partitions.map((one: { topic: string; lag: number | null }) => [one.topic, one.lag]),
      [['left', 0]],
    )
  })

  test('of a group that does not exist names the one that was meant, with status 3', async () => {
    await makeTopic('some', 1)
    await makeGroup('shipments', 'some')
    assert.deepEqual(await groups('describe shipment'), {
      status: 3,
      out: '',
      err: 'error group "shipment" does not exist\n  Did you mean "shipments"?\n  MR_GROUP_UNKNOWN\n',
    })
    const { err } = await groups('describe nothing-like-it')
    assert.match(err, /`millrace groups list` shows what there is/)
  })
})

describe('reset', () => {
  const after = async (argv: string): Promise<readonly number[]> => {
    const { status, out, err } = await groups(`reset ${argv}`)
    assert.equal(status, 0, err)
    return linesOf(out).map((row) => row.after)
  }
  const committed = async (group: string): Promise<readonly (number | null)[]> => {
    const [row] = linesOf((await groups(`describe ${group}`)).out)
    return row.partitions.map((one: { committed_offset: number | null }) => one.committed_offset)
  }

  test('sets positions in the language of offsets, within what a partition holds', async () => {
    await makeTopic('again', 5, 2)
    await makeGroup('again', 'again')
    assert.deepEqual(await committed('again'), [5, 2])
    for (const [to, offsets] of [
      ['start', [0, 0]],
      ['end', [5, 2]],
      ['3', [3, 2]],
      ['+1', [1, 1]],
      ['-3', [2, 0]],
      ['@0', [0, 0]],
      ['@2999-01-01', [5, 2]],
    ] as const) {
      assert.deepEqual(await after(`again --topic again --to ${to}`), offsets, to)
      assert.deepEqual(await committed('again'), offsets, to)
    }
  })

  test('makes the group read from there', async () => {
    await makeTopic('reread', 4)
    await makeGroup('reread', 'reread')
    const { out } = await groups('reset reread --topic reread --to 2')
    assert.equal(out, '{"topic":"reread","partition":0,"before":4,"after":2,"lag":2}\n')
    const read = await run(['consume', 'reread', '-g', 'reread', '-f', '%o '], { env: cluster.env })
    assert.equal(read.out, '2 3 ')
  })

  test('leaves partitions and topics that are not named', async () => {
    await makeTopic('part.a', 2, 2)
    await makeTopic('part.b', 2)
    await makeGroup('part', 'part.a')
    await makeGroup('part', 'part.b')
    assert.deepEqual(await after('part --topic part.a -p 1 --to start'), [0])
    assert.deepEqual(await committed('part'), [2, 0, 2])
    assert.deepEqual(await after('part --topic part.a --topic part.b --to +1'), [1, 1, 1])
    assert.deepEqual(await committed('part'), [1, 1, 1])
  })

  test('with --dry-run says what it would set', async () => {
    await makeTopic('tried', 3)
    await makeGroup('tried', 'tried')
    assert.deepEqual(
      await groups('reset tried --topic tried --to start --dry-run'),
      ok('{"topic":"tried","partition":0,"before":3,"after":0,"lag":3}\n', 'nothing was changed\n'),
    )
    assert.deepEqual(await committed('tried'), [3])
  })

  for (const protocol of ['classic', 'consumer'] as const) {
    test(`of a ${protocol} group with members is refused with their names and status 4`, async () => {
      const topic = `busy.${protocol}`
      await makeTopic(topic, 3)
      await makeGroup(topic, topic)
      await whileRead({ group: topic, topic, protocol }, async () => {
        for (const argv of [`reset ${topic} --topic ${topic} --to start`, `delete ${topic} --yes`]) {
          const { status, out, err } = await groups(argv)
          assert.deepEqual([status, out], [4, ''], argv)
          assert.match(err, /^error group "busy\.\w+" has 1 member \(reader at 127\.0\.0\.1\)\n/)
          assert.match(err, /MR_GROUP_ACTIVE\n$/)
        }
        assert.deepEqual(await committed(topic), [3])
      })
    })
  }

  test('names what does not exist, with status 3', async () => {
    await makeTopic('real', 1)
    await makeGroup('real', 'real')
    const noGroup = await groups('reset reel --topic real --to start')
    assert.equal(noGroup.status, 3)
    assert.match(noGroup.err, /group "reel" does not exist\n {2}Did you mean "real"\?/)
    const noTopic = await groups('reset real --topic rael --to start')
    assert.equal(noTopic.status, 3)
    assert.match(noTopic.err, /topic "rael" does not exist\n {2}Did you mean "real"\?/)
    const noPartition = await groups('reset real --topic real --to start -p 7')
    assert.equal(noPartition.status, 2)
    assert.match(noPartition.err, /has no partition 7/)
  })

  for (const argv of [
    'reset g --to start',
    'reset g --topic t',
    'reset g --topic t --to 10:20',
    'reset g --topic t --to 10:',
    'reset g --topic t --to sometime',
    'reset g --topic t --to start -p one',
    'reset',
  ]) {
    test(`\`groups ${argv}\` is wrong usage, told before a broker is asked`, async () => {
      const { status, err } = await groups(argv, { env: { MILLRACE_BROKERS: '127.0.0.1:1' } })
      assert.equal(status, 2)
      assert.match(err, /MR_USAGE\n$/)
    })
  }
})

describe('delete', () => {
  test('asks for the name, and deletes when it was typed', async () => {
    await makeTopic('gone', 1, 1)
    await makeGroup('gone', 'gone')
    const typed = (input: string): Promise<Outcome> =>
      groups('delete gone', { terminal: onTerminal, typing: true, input })
    assert.equal((await typed('goen\n')).status, 1)
    assert.equal((await groups('describe gone')).status, 0)
    assert.deepEqual(
      await typed('gone\n'),
      ok('group\ngone\n', 'delete group "gone" with 2 committed positions? Type gone to confirm: '),
    )
    assert.equal((await groups('describe gone')).status, 3)
  })

  test('with --dry-run or without an answer leaves it, and one that is unknown keeps the others', async () => {
    await makeTopic('stays', 1)
    await makeGroup('stays', 'stays')
    assert.deepEqual(
      await groups('delete stays --dry-run'),
      ok('{"group":"stays"}\n', 'nothing was deleted\n'),
    )
    assert.equal((await groups('delete stays', { input: 'stays\n' })).status, 2)
    assert.equal((await groups('delete stays stray --yes')).status, 3)
    assert.equal((await groups('describe stays')).status, 0)
    assert.deepEqual(await groups('delete stays --yes'), ok('{"group":"stays"}\n'))
  })
})
