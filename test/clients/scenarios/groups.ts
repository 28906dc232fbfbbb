/** Consumer groups: members that share partitions, and offsets that outlive members and the broker. */
import assert from 'node:assert/strict'
import { DriverError, type GroupProtocol, type Ops } from '../driver.ts'
import { content, type Scenario, type ScenarioContext, someRecords } from '../scenario.ts'

const PARTITIONS = 4

type Seen = Ops['seen']['result']

/** A group of members of the client under test, over one topic. */
class Group {
  readonly topic: string
  readonly group: string
  private readonly context: ScenarioContext
  private readonly protocol: GroupProtocol
  /** Of those that have left. */
  private readonly gone: Seen['records'][number][] = []

  constructor(context: ScenarioContext, topic: string, protocol: GroupProtocol) {
    this.context = context
    this.topic = topic
    this.protocol = protocol
    this.group = context.witness.name('group')
  }

  async join(member: string): Promise<void> {
    const { topic, group, protocol } = this
    await this.context.driver.call('join', { member, group, topic, protocol })
  }

  seen(member: string): Promise<Seen> {
    return this.context.driver.call('seen', { member })
  }

  /** Waits until these members have this many partitions each, all of them together, and nobody shares one. */
  async shared(counts: Readonly<Record<string, number>>): Promise<void> {
    let last: unknown
    try {
      await this.context.witness.until('each member has its partitions', async () => {
        const assignments: (readonly number[])[] = []
        for (const member of Object.keys(counts)) assignments.push((await this.seen(member)).assignment)
        last = assignments
        const all = new Set(assignments.flat())
        return (
          all.size === PARTITIONS &&
          Object.values(counts).every((count, at) => assignments[at]!.length === count)
        )
      })
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${JSON.stringify(last)}`, { cause: error })
    }
  }

  /** Waits until these members, and those that have left, have read `total` records; gives them. */
  async read(members: readonly string[], total: number): Promise<Seen['records']> {
    let records: Seen['records'] = []
    try {
      await this.context.witness.until(`${total} records are read`, async () => {
        const all = [...this.gone]
        for (const member of members) all.push(...(await this.seen(member)).records)
        records = all
        return records.length >= total
      })
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${records.length} are`, { cause: error })
    }
    return records
  }

  /** Commits and waits until the group stands at these offsets. */
  async commit(members: readonly string[], offsets: readonly number[]): Promise<void> {
    const { driver, witness } = this.context
    for (const member of members) await driver.call('commit', { member })
    let stands: readonly number[] = []
    try {
      await witness.until('the offsets are committed', async () => {
        stands = await witness.committed(this.group, this.topic, PARTITIONS)
        return offsets.every((offset, partition) => stands[partition] === offset)
      })
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${stands} instead of ${offsets}`, { cause: error })
    }
  }

  async leave(member: string): Promise<void> {
    this.gone.push(...(await this.seen(member)).records)
    await this.context.driver.call('leave', { member })
  }
}

const same = (offset: number): number[] => Array.from({ length: PARTITIONS }, () => offset)

async function rebalance(context: ScenarioContext, protocol: GroupProtocol): Promise<void> {
  const { witness, observe } = context
  const topic = await witness.topic(PARTITIONS)
  const parts = ['alone', 'shared', 'left'].map((name) => someRecords(PARTITIONS, 2, name))
  const group = new Group(context, topic, protocol)
  await witness.write(topic, parts[0]!)
  await group.join('a')
  await group.shared({ a: PARTITIONS })
  await group.read(['a'], 8)
  await group.commit(['a'], same(2))
  await group.join('b')
  await group.shared({ a: 2, b: 2 })
  await witness.write(topic, parts[1]!)
  await group.read(['a', 'b'], 16)
  const second = await group.seen('b')
  assert.equal(second.records.length, 4, 'the second member reads its half')
  await group.commit(['a', 'b'], same(4))
  const [described] = await witness.admin.describeGroups([group.group])
  observe('state and members', [described?.state, described?.members.length])
  await group.leave('b')
  await group.shared({ a: PARTITIONS })
  await witness.write(topic, parts[2]!)
  const all = content(parts.flat()).toSorted(byKey)
  await witness.until('all records are read', async () => once(await group.read(['a'], 24)).length === 24)
  const records = await group.read(['a'], 24)
  assert.deepEqual(content(once(records)).toSorted(byKey), all)
  if (!context.rereads) assert.equal(records.length, all.length, 'each record is read once')
  await group.leave('a')
}

/** Without those that were read before. */
const once = (records: Seen['records']): Seen['records'] => [
  ...new Map(records.map((record) => [`${record.partition}/${record.offset}`, record])).values(),
]

const byKey = (a: { key: string | null }, b: { key: string | null }): number =>
  (a.key ?? '') < (b.key ?? '') ? -1 : 1

const group: Scenario = {
  name: 'group',
  shows: 'shares a topic among two members of a group and hands partitions over',
  run: (context) => rebalance(context, 'classic'),
}

const nextGroup: Scenario = {
  name: 'next group',
  shows: 'does the same by the group protocol of KIP-848',
  run: (context) => rebalance(context, 'consumer'),
}

const restart: Scenario = {
  name: 'restart',
  shows: 'goes on after a restart of the broker, where the group stood',
  restarts: true,
  async run(context) {
    const { witness, target, driver } = context
    const topic = await witness.topic(PARTITIONS)
    const [before, after, later] = ['before', 'after', 'later'].map((name) =>
      someRecords(PARTITIONS, 2, name),
    )
    const group = new Group(context, topic, 'classic')
    await driver.call('produce', { topic, records: before! })
    await group.join('stays')
    await group.read(['stays'], 8)
    await group.commit(['stays'], same(2))
    await target.restart()
    await driver.call('produce', { topic, records: after! })
    // The group is as it was; some clients join anew when their connection ends, and read again what they have not committed.
    let read: Seen['records'] = []
    await witness.until('what was written after the restart is read', async () => {
      read = (await group.seen('stays')).records
      return once(read).length === 16
    })
    assert.deepEqual(content(once(read)).toSorted(byKey), content([...before!, ...after!]).toSorted(byKey))
    assert.equal(read.filter(({ offset }) => offset < 2).length, 8, 'what was committed is not read again')
    // A member that joins anew is refused until then, or commits before it has read again.
    await witness.until('a commit is taken', async () => {
      try {
        await driver.call('commit', { member: 'stays' })
      } catch (error) {
        if (!(error instanceof DriverError)) throw error
      }
      const stands = await witness.committed(group.group, topic, PARTITIONS)
      return stands.every((offset) => offset === 4)
    })
    await driver.call('leave', { member: 'stays' })
    await target.restart()
    await driver.call('produce', { topic, records: later! })
    await group.join('comes')
    const records = await group.read(['comes'], 8)
    assert.deepEqual(content(records).toSorted(byKey), content(later!).toSorted(byKey))
    await group.leave('comes')
  },
}

export const groupScenarios: readonly Scenario[] = [group, nextGroup, restart]
