/**
 * Members of a group, under the classic protocol (JoinGroup, SyncGroup; eager, and cooperative after KIP-429) and the
 * consumer protocol (KIP-848).
 *
 * Rules: every partition belongs to one member at most, and at rest to one exactly; what a member commits in
 * `onRevoked` is where the next one starts; a static member (KIP-345) comes back to what it had, and of two with one
 * instance id the older is fenced; a member that was removed or does not poll loses its partitions, is told so and
 * joins anew. Positions that are sent with a transaction (KIP-447) make each record count once, whoever works.
 */
import assert from 'node:assert/strict'
import type { Assignor } from '../../../src/client/consumer/assignor.ts'
import { cooperativeStickyAssignor } from '../../../src/client/consumer/assignors/cooperative-sticky.ts'
import { rangeAssignor } from '../../../src/client/consumer/assignors/range.ts'
import { roundRobinAssignor } from '../../../src/client/consumer/assignors/round-robin.ts'
import { stickyAssignor } from '../../../src/client/consumer/assignors/sticky.ts'
import type { Consumer, ConsumerOptions } from '../../../src/client/consumer/consumer.ts'
import { recordsOf } from '../../../src/client/consumer/records.ts'
import { isMillraceError } from '../../../src/core/errors.ts'
import type { TopicPartition } from '../../../src/core/record.ts'
import { consumerGroupHeartbeat } from '../../../src/protocol/apis/consumer-group-heartbeat.ts'
import { heartbeat } from '../../../src/protocol/apis/heartbeat.ts'
import { rejectsWith, type Scenario, type ScenarioTest, text } from './scenario.ts'

/** A member that polls by itself, commits what it read when it must give it up, and keeps a diary. */
class Member {
  readonly consumer: Consumer
  readonly diary: string[] = []
  readonly seen: string[] = []
  private readonly scenario: Scenario
  private stopped = false
  private readonly running: Promise<void>

  constructor(s: Scenario, topic: string, group: string, options: ConsumerOptions = {}) {
    this.scenario = s
    this.consumer = s.consumer(
      { group, heartbeatIntervalMs: 200, sessionTimeoutMs: 10_000, ...options },
      s.newCluster({ metadataMaxAgeMs: 500 }),
    )
    this.running = this.run(topic)
    this.running.catch(() => {})
  }

  get partitions(): number[] {
    return this.consumer
      .assignment()
      .map(({ partition }) => partition)
      .sort((a, b) => a - b)
  }

  /** @param forGood takes a static member of the consumer protocol out of its group */
  async stop(forGood = false): Promise<void> {
    this.stopped = true
    await this.running
    if (forGood) await this.scenario.retire(this.consumer)
    else await this.consumer.close()
  }

  private async run(topic: string): Promise<void> {
    const { consumer, diary } = this
    const note = (what: string) => (partitions: readonly TopicPartition[]) => {
      diary.push(`${what} ${partitions.map(({ partition }) => partition).sort()}`)
    }
    await consumer.subscribe([topic], {
      onAssigned: note('assigned'),
      onRevoked: async (partitions) => {
        note('revoked')(partitions)
        await this.commit(partitions)
      },
      onLost: note('lost'),
    })
    while (!this.stopped) {
      for (const fetched of await consumer.poll({ maxWaitMs: 50 })) {
        for (const record of recordsOf(fetched)) this.seen.push(text(record.value) ?? '')
      }
    }
  }

  private async commit(partitions: readonly TopicPartition[]): Promise<void> {
    const { consumer } = this
    const known = partitions.filter(({ topic, partition }) => consumer.position(topic, partition) >= 0)
    await consumer.commit(
      known.map(({ topic, partition }) => ({
        topic,
        partition,
        offset: consumer.position(topic, partition),
      })),
    )
  }
}

/** Writes the numbers `from` to `to` (not included), in turn to the partitions. */
export async function produce(
  s: Scenario,
  topic: string,
  from: number,
  to: number,
  partitions: number,
): Promise<void> {
  const producer = s.producer()
  for (let index = from; index < to; index++) {
    void producer.send({ topic, partition: index % partitions, value: `${index}` })
  }
  await producer.flush()
}

export const numbers = (to: number): string[] => Array.from({ length: to }, (_, index) => `${index}`)
export const byNumber = (a: string, b: string): number => Number(a) - Number(b)

export const protocols = ['classic', 'consumer'] as const

const kinds: readonly { readonly name: string; readonly options: () => ConsumerOptions }[] = [
  { name: 'range', options: () => ({ assignors: [rangeAssignor] }) },
  { name: 'roundrobin', options: () => ({ assignors: [roundRobinAssignor] }) },
  { name: 'sticky', options: () => ({ assignors: [stickyAssignor()] }) },
  { name: 'cooperative-sticky', options: () => ({ assignors: [cooperativeStickyAssignor] }) },
  { name: 'the consumer protocol', options: () => ({ protocol: 'consumer' }) },
  {
    name: 'the consumer protocol, by range',
    options: () => ({ protocol: 'consumer', serverAssignor: 'range' }),
  },
]

export function groupScenarios(scenario: ScenarioTest): void {
  for (const { name, options } of kinds) {
    const { protocol = 'classic' } = options()
    const ofProtocol = scenario.needing(`${protocol} groups`)
    ofProtocol(`members come and go and every record is read once: ${name}`, async (s) => {
      const topic = await s.topic(6)
      const group = s.name('group')
      await produce(s, topic, 0, 600, 6)
      const a = new Member(s, topic, group, options())
      await s.until('a has all', () => a.partitions.length === 6)
      const b = new Member(s, topic, group, options())
      await s.until('a and b share', () => a.partitions.length === 3 && b.partitions.length === 3)
      await produce(s, topic, 600, 1200, 6)
      const c = new Member(s, topic, group, options())
      await s.until('three share', () => [a, b, c].every(({ partitions }) => partitions.length === 2))
      assert.deepEqual(
        [...a.partitions, ...b.partitions, ...c.partitions].sort((x, y) => x - y),
        [0, 1, 2, 3, 4, 5],
      )
      await a.stop()
      await s.until('two share', () => [b, c].every(({ partitions }) => partitions.length === 3))
      await produce(s, topic, 1200, 1800, 6)
      await s.until('all is read', () => a.seen.length + b.seen.length + c.seen.length >= 1800)
      await b.stop()
      await c.stop()
      assert.deepEqual([...a.seen, ...b.seen, ...c.seen].sort(byNumber), numbers(1800))
      const committed = await s.admin.groupOffsets(group)
      assert.deepEqual(
        [...committed.values()].map(({ offset }) => offset),
        [300, 300, 300, 300, 300, 300],
      )
    })
  }

  scenario('cooperative members keep what stays theirs while others come', async (s) => {
    const topic = await s.topic(4)
    const group = s.name('group')
    const options = { assignors: [cooperativeStickyAssignor] }
    const a = new Member(s, topic, group, options)
    await s.until('a has all', () => a.partitions.length === 4)
    const b = new Member(s, topic, group, options)
    await s.until('both share', () => a.partitions.length === 2 && b.partitions.length === 2)
    assert.equal(a.diary[0], 'assigned 0,1,2,3')
    assert.equal(a.diary.length, 2)
    assert.match(a.diary[1]!, /^revoked \d,\d$/)
    assert.equal(b.diary.length, 1)
    await a.stop()
    await b.stop()
  })

  for (const protocol of protocols) {
    const ofProtocol = scenario.needing(`${protocol} groups`)
    ofProtocol(`a static member comes back without a rebalance (${protocol})`, async (s) => {
      const topic = await s.topic(2)
      const group = s.name('group')
      const other = new Member(s, topic, group, { protocol, groupInstanceId: 'other' })
      const first = new Member(s, topic, group, { protocol, groupInstanceId: 'static' })
      await s.until('both share', () => first.partitions.length === 1 && other.partitions.length === 1)
      const had = first.partitions
      await first.stop()
      const before = other.consumer.groupMetadata().generation
      const second = new Member(s, topic, group, { protocol, groupInstanceId: 'static' })
      await s.until('it is back', () => second.partitions.length === 1)
      assert.deepEqual(second.partitions, had)
      assert.equal(other.consumer.groupMetadata().generation, before)
      await second.stop(protocol === 'consumer')
      await other.stop(protocol === 'consumer')
    })

    ofProtocol(
      `partitions change hands after onRevoked, which is the last moment to commit (${protocol})`,
      async (s) => {
        const topic = await s.topic(2)
        const group = s.name('group')
        await produce(s, topic, 0, 20, 2)
        const gate = Promise.withResolvers<void>()
        let revoking = false
        const options = { group, protocol, heartbeatIntervalMs: 100 }
        const slow = s.consumer(options)
        await slow.subscribe([topic], {
          onRevoked: async (partitions) => {
            revoking = true
            await gate.promise
            await slow.commit(partitions.map((one) => ({ ...one, offset: 7 })))
          },
        })
        await s.poll('it has all', slow, () => slow.assignment().length === 2)
        const other = s.consumer(options, s.newCluster())
        await other.subscribe([topic])
        let done = false
        const giving = s
          .poll(
            'the two share',
            slow,
            () => slow.assignment().length === 1 && other.assignment().length === 1,
          )
          .finally(() => (done = true))
        await s.poll('the slow one is asked', other, () => revoking)
        // Heartbeats go round, and nothing moves while the callback runs.
        for (let turn = 0; turn < 10; turn++) {
          await other.poll({ maxWaitMs: 20 })
          assert.equal(other.assignment().length, 0)
        }
        gate.resolve()
        const offsets: number[] = []
        await s.until('the other reads', async () => {
          for (const fetched of await other.poll({ maxWaitMs: 20 })) {
            for (const { offset } of recordsOf(fetched)) offsets.push(offset)
          }
          return offsets.length === 3 && done
        })
        await giving
        assert.deepEqual(offsets, [7, 8, 9])
      },
    )

    ofProtocol(`heartbeats do not wait for the caller (${protocol})`, async (s) => {
      const topic = await s.topic()
      const { watched, cluster } = s.watched()
      const consumer = s.consumer({ group: s.name('group'), protocol, heartbeatIntervalMs: 100 }, cluster)
      await consumer.subscribe([topic])
      await s.poll('it has joined', consumer, () => consumer.assignment().length === 1)
      const api = protocol === 'classic' ? heartbeat : consumerGroupHeartbeat
      const before = watched.requests(api).length
      await s.until('there are more, without a poll', () => watched.requests(api).length >= before + 3)
      await consumer.commit([{ topic, partition: 0, offset: 0 }])
    })

    ofProtocol(`a member polls nothing from within its callbacks (${protocol})`, async (s) => {
      const topic = await s.topic()
      const consumer = s.consumer({ group: s.name('group'), protocol })
      const codes: unknown[] = []
      await consumer.subscribe([topic], {
        onAssigned: async () => {
          await consumer.poll().catch((error) => codes.push(error.code))
        },
      })
      await s.poll('it has joined', consumer, () => consumer.assignment().length === 1)
      assert.deepEqual(codes, ['MR_CONSUMER_BUSY'])
    })

    ofProtocol(`partitions that are added are read (${protocol})`, async (s) => {
      const topic = await s.topic(1)
      const a = new Member(s, topic, s.name('group'), { protocol })
      await s.until('it has joined', () => a.partitions.length === 1)
      await s.admin.createPartitions([{ topic, partitions: 3 }])
      await s.until('it has the new ones', () => a.partitions.length === 3)
      await produce(s, topic, 0, 9, 3)
      await s.until('it reads them', () => a.seen.length === 9)
      await a.stop()
    })

    ofProtocol(`a topic that comes later is read then (${protocol})`, async (s) => {
      const topic = s.name('late')
      const a = new Member(s, topic, s.name('group'), { protocol })
      await s.until('it has joined', () => a.consumer.groupMetadata().generation > 0)
      await s.admin.createTopics([{ topic, partitions: 2 }])
      await s.until('it has the topic', () => a.partitions.length === 2)
      await a.stop()
    })

    ofProtocol(`a member that does not poll gives its partitions to others (${protocol})`, async (s) => {
      const topic = await s.topic(2)
      const group = s.name('group')
      const lazy = s.consumer({ group, protocol, heartbeatIntervalMs: 100, rebalanceTimeoutMs: 1500 })
      const lost: number[] = []
      await lazy.subscribe([topic], { onLost: (partitions) => void lost.push(partitions.length) })
      await s.poll('it has joined', lazy, () => lazy.assignment().length === 2)
      const other = new Member(s, topic, group, { protocol })
      await s.until('the other has all', () => other.partitions.length === 2)
      assert.deepEqual(lost, [])
      await s.poll('it is told', lazy, () => lost.length > 0)
      assert.deepEqual(lost, [2])
      await s.poll('both share', lazy, () => lazy.assignment().length === 1 && other.partitions.length === 1)
      await other.stop()
    })
  }

  const ofBroker = scenario.needing('consumer groups')
  ofBroker('an instance id that is in use is refused by name (consumer)', async (s) => {
    const topic = await s.topic()
    const options = { group: s.name('group'), groupInstanceId: 'same', protocol: 'consumer' } as const
    const older = s.consumer(options)
    await older.subscribe([topic])
    await s.poll('it has joined', older, () => older.assignment().length === 1)
    const newer = s.consumer(options, s.newCluster())
    await newer.subscribe([topic])
    await assert.rejects(
      s.poll('it is told', newer, () => false),
      (error) => {
        assert.ok(isMillraceError(error, 'MR_KAFKA'), String(error))
        assert.equal(error.context['kafkaName'], 'UNRELEASED_INSTANCE_ID')
        assert.equal(error.context['group'], options.group)
        return true
      },
    )
    assert.equal(older.assignment().length, 1)
    await s.retire(older)
  })

  scenario('two members with one instance id: the older one is fenced by name', async (s) => {
    const topic = await s.topic()
    const group = s.name('group')
    const options = { group, groupInstanceId: 'same', heartbeatIntervalMs: 100 }
    const older = s.consumer(options)
    await older.subscribe([topic])
    await s.until('it has joined', async () => {
      await older.poll({ maxWaitMs: 20 })
      return older.assignment().length === 1
    })
    const newer = s.consumer(options, s.newCluster())
    await newer.subscribe([topic])
    await s.until('the newer one has it', async () => {
      await newer.poll({ maxWaitMs: 20 })
      return newer.assignment().length === 1
    })
    const told = s.until('the older one is told', async () => {
      await older.poll({ maxWaitMs: 20 })
      return false
    })
    await assert.rejects(told, (error) => {
      assert.ok(isMillraceError(error, 'MR_KAFKA'), String(error))
      assert.equal(error.context['kafkaName'], 'FENCED_INSTANCE_ID')
      return true
    })
  })

  scenario('a commit of a member that is gone is refused', async (s) => {
    const topic = await s.topic()
    const group = s.name('group')
    const a = s.consumer({ group, heartbeatIntervalMs: 100 })
    await a.subscribe([topic])
    await s.until('it has joined', async () => {
      await a.poll({ maxWaitMs: 20 })
      return a.assignment().length === 1
    })
    const { memberId } = a.groupMetadata()
    await a.commit([{ topic, partition: 0, offset: 0 }])
    await s.admin.removeMembers(group, [{ memberId }])
    await rejectsWith('MR_KAFKA', a.commit([{ topic, partition: 0, offset: 0 }]))
  })

  scenario('a member that was removed loses its partitions and joins again', async (s) => {
    const topic = await s.topic(2)
    const group = s.name('group')
    const a = new Member(s, topic, group)
    await s.until('it has joined', () => a.partitions.length === 2)
    await s.admin.removeMembers(group, [{ memberId: a.consumer.groupMetadata().memberId }])
    await s.until('it is back', () => a.diary.length === 3)
    assert.deepEqual(a.diary, ['assigned 0,1', 'lost 0,1', 'assigned 0,1'])
    await a.stop()
  })

  scenario("an assignor of one's own sees and sends user data", async (s) => {
    const topic = await s.topic(4)
    const group = s.name('group')
    const received: string[] = []
    /** Gives everything to the member whose user data says so. */
    const assignor = (wish: string): Assignor => ({
      name: 'wishes',
      protocol: 'eager',
      metadata: (topics) => Buffer.from(`${wish} ${topics.length}`),
      assign: ({ members, partitionCounts }) =>
        new Map(
          members.map((member) => [
            member.memberId,
            {
              partitions: member.userData.toString().startsWith('all')
                ? Array.from({ length: partitionCounts.get(topic) ?? 0 }, (_, partition) => ({
                    topic,
                    partition,
                  }))
                : [],
              userData: Buffer.from(`${members.length} members`),
            },
          ]),
        ),
      onAssignment: ({ partitions, userData }) => {
        received.push(`${wish}: ${partitions.length} of ${userData.toString()}`)
      },
    })
    const greedy = new Member(s, topic, group, { assignors: [assignor('all')] })
    const modest = new Member(s, topic, group, { assignors: [assignor('none')] })
    await s.until('both have been told', () =>
      ['all: 4 of 2 members', 'none: 0 of 2 members'].every((line) => received.includes(line)),
    )
    await s.until('it has all', () => greedy.partitions.length === 4)
    assert.deepEqual(modest.partitions, [])
    await greedy.stop()
    await modest.stop()
  })
}
