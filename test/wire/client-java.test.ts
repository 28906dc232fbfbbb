/**
 * Our client and Java's, side by side: in the same groups, over the same records, with the same partition for a key.
 * Against our broker, and against a real Kafka.
 *
 * Rules: a group shares its partitions without overlap, whoever leads it and whoever comes and goes; after all have
 * committed, no change of members makes a record come twice; what one writes the other reads, byte for byte.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { installClient, missingClient } from '../../scripts/clients/install.ts'
import type { ConsumerOptions } from '../../src/client/consumer/consumer.ts'
import { recordsOf } from '../../src/client/consumer/records.ts'
import {
  cooperativeStickyAssignor,
  rangeAssignor,
  roundRobinAssignor,
  stickyAssignor,
} from '../../src/client/index.ts'
import { Partitioner } from '../../src/client/producer/partitioner.ts'
import { simulatedRandom } from '../../src/platform/simulated/random.ts'
import { type Compression, DriverProcess, type DriverRecord, type ReadRecord } from '../clients/driver.ts'
import { javaCommand } from '../clients/java/java-command.ts'
import { openTarget } from '../clients/target.ts'
import { openKafkaCluster } from '../kafka/cluster.ts'
import { DEADLINE_MS, Scenario, text } from './client-scenarios/scenario.ts'

const skip = missingClient('java') ?? false
const PARTITIONS = 6
const timeout = DEADLINE_MS * 3

/** A member of a group, ours or Java's. */
interface Member {
  partitions(): Promise<readonly number[]>
  /** The values that it has read. */
  seen(): Promise<readonly (string | null)[]>
  commit(): Promise<void>
  leave(): Promise<void>
}

interface Kind {
  readonly name: string
  readonly ours: () => ConsumerOptions
  readonly java: { readonly protocol: 'classic' | 'consumer'; readonly assignor?: string }
}

const javaAssignor = (name: string): Kind['java'] => ({
  protocol: 'classic',
  assignor: `org.apache.kafka.clients.consumer.${name}Assignor`,
})

const kinds: readonly Kind[] = [
  { name: 'range', ours: () => ({ assignors: [rangeAssignor] }), java: javaAssignor('Range') },
  { name: 'roundrobin', ours: () => ({ assignors: [roundRobinAssignor] }), java: javaAssignor('RoundRobin') },
  { name: 'sticky', ours: () => ({ assignors: [stickyAssignor()] }), java: javaAssignor('Sticky') },
  {
    name: 'cooperative-sticky',
    ours: () => ({ assignors: [cooperativeStickyAssignor] }),
    java: javaAssignor('CooperativeSticky'),
  },
  {
    name: 'the consumer protocol',
    ours: () => ({ protocol: 'consumer' }),
    java: { protocol: 'consumer' },
  },
]

async function ourMember(s: Scenario, topic: string, group: string, kind: Kind): Promise<Member> {
  const consumer = s.consumer({ group, heartbeatIntervalMs: 200, ...kind.ours() }, s.newCluster())
  const values: (string | null)[] = []
  let stopped = false
  await consumer.subscribe([topic])
  const polling = (async () => {
    while (!stopped) {
      for (const fetched of await consumer.poll({ maxWaitMs: 50 })) {
        for (const { value } of recordsOf(fetched)) values.push(text(value))
      }
    }
  })()
  polling.catch(() => {})
  return {
    partitions: async () => consumer.assignment().map(({ partition }) => partition),
    seen: async () => values,
    async commit() {
      const offsets = consumer.assignment().map((one) => ({
        ...one,
        offset: consumer.position(one.topic, one.partition),
      }))
      await consumer.commit(offsets.filter(({ offset }) => offset >= 0))
    },
    async leave() {
      stopped = true
      await polling
      await consumer.close()
    },
  }
}

async function javaMember(
  s: Scenario,
  java: DriverProcess,
  topic: string,
  group: string,
  kind: Kind,
): Promise<Member> {
  const member = s.name('java')
  const joining = { member, group, topic, ...kind.java }
  const seen = async (): Promise<readonly (string | null)[]> =>
    (await java.call('seen', { member })).records.map(({ value }) => value)
  let atEnd: readonly (string | null)[] | undefined
  await java.call('join', joining)
  return {
    partitions: async () => (await java.call('seen', { member })).assignment,
    seen: async () => atEnd ?? seen(),
    commit: async () => void (await java.call('commit', { member })),
    async leave() {
      atEnd = await seen()
      await java.call('leave', { member })
    },
  }
}

/** Waits until each of the members has as many partitions as the others, and nothing is left to move. */
async function share(s: Scenario, what: string, members: readonly Member[]): Promise<void> {
  await s.until(what, async () => {
    const held = await Promise.all(members.map((member) => member.partitions()))
    const all = held.flat()
    return (
      held.every((partitions) => partitions.length === PARTITIONS / members.length) &&
      all.length === PARTITIONS &&
      new Set(all).size === PARTITIONS
    )
  })
}

async function mixedGroup(s: Scenario, java: DriverProcess, kind: Kind): Promise<void> {
  const topic = await s.topic(PARTITIONS)
  const group = s.name('group')
  const producer = s.producer()
  const everybody: Member[] = []
  let written = 0
  const joined = async (member: Promise<Member>): Promise<Member> => {
    everybody.push(await member)
    return member
  }
  /** New records are read, each once by whoever it may be, and committed by those who are here. */
  const work = async (here: readonly Member[]): Promise<void> => {
    for (const end = written + 30; written < end; written++) {
      void producer.send({ topic, partition: written % PARTITIONS, value: `${written}` })
    }
    await producer.flush()
    const read = async (): Promise<(string | null)[]> =>
      (await Promise.all(everybody.map((member) => member.seen()))).flat()
    await s.until('all is read', async () => (await read()).length >= written)
    assert.deepEqual(
      (await read()).map(Number).sort((a, b) => a - b),
      Array.from({ length: written }, (_, index) => index),
    )
    for (const member of here) await member.commit()
  }
  const ours = await joined(ourMember(s, topic, group, kind))
  await share(s, 'ours has all', [ours])
  const javas = await joined(javaMember(s, java, topic, group, kind))
  await share(s, 'the two share, ours came first', [ours, javas])
  await work([ours, javas])
  const third = await joined(javaMember(s, java, topic, group, kind))
  await share(s, 'three share', [ours, javas, third])
  await work([ours, javas, third])
  await ours.leave()
  await share(s, "two of Java's share", [javas, third])
  const later = await joined(ourMember(s, topic, group, kind))
  await share(s, "three share, Java's came first", [javas, third, later])
  await work([javas, third, later])
  await javas.leave()
  await third.leave()
  await share(s, 'ours has what Java had', [later])
  await work([later])
  await later.leave()
}

/** What keys, values and headers can be. */
const records: readonly DriverRecord[] = [
  { partition: 0, key: 'key', value: 'value', headers: [['a', '1']] },
  { partition: 0, key: null, value: 'without a key' },
  { partition: 0, key: 'gone', value: null },
  { partition: 0, key: null, value: null, headers: [['why', null]] },
  { partition: 0, key: '', value: '', headers: [['', '']] },
  {
    partition: 0,
    key: 'ключ ☃ 𐍈',
    value: 'ü€𐍈'.repeat(500),
    headers: [
      ['twice', 'first'],
      ['twice', 'second'],
      ['ü', '☃'],
    ],
  },
  ...Array.from({ length: 200 }, (_, index) => ({
    partition: 0,
    key: `${index % 7}`,
    value: `value ${index} ${'x'.repeat(index)}`,
  })),
]

const asRead = (all: readonly DriverRecord[]): ReadRecord[] =>
  all.map((record, offset) => ({ headers: [], ...record, offset }))

async function readByUs(s: Scenario, topic: string): Promise<ReadRecord[]> {
  return (await s.readAll(topic)).map((one) => ({
    partition: one.partition,
    offset: one.offset,
    key: text(one.key),
    value: text(one.value),
    headers: one.headers.map(({ key, value }) => [key, text(value)] as const),
  }))
}

async function bothWays(s: Scenario, java: DriverProcess, compression: Compression | 'none'): Promise<void> {
  const [theirs, ours] = [await s.topic(), await s.topic()]
  await java.call('produce', {
    topic: theirs,
    records,
    idempotent: true,
    ...(compression !== 'none' && { compression }),
  })
  assert.deepEqual(await readByUs(s, theirs), asRead(records))
  const producer = s.producer({ compression })
  for (const { headers = [], ...record } of records) {
    void producer.send({
      topic: ours,
      ...record,
      headers: headers.map(([key, value]) => ({ key, value: value === null ? null : Buffer.from(value) })),
    })
  }
  await producer.flush()
  const count = records.length
  const read = await java.call('read', { topic: ours, partitions: 1, count, isolation: 'read_committed' })
  assert.deepEqual(read, asRead(records))
}

async function transactionsBothWays(s: Scenario, java: DriverProcess): Promise<void> {
  const topic = await s.topic()
  const record = (value: string): DriverRecord => ({ partition: 0, key: null, value })
  const producer = s.producer({ transactionalId: s.name('tx') })
  await producer.init()
  const transactionalId = s.name('java-tx')
  for (let round = 0; round < 4; round++) {
    const outcome = round % 2 === 0 ? 'commit' : 'abort'
    await java.call('transaction', { transactionalId, topic, records: [record(`java ${round}`)], outcome })
    producer.begin()
    await producer.send({ topic, value: `ours ${round}` })
    await producer[outcome]()
  }
  const expected = ['java 0', 'ours 0', 'java 2', 'ours 2']
  assert.deepEqual(await s.values(topic), expected)
  const read = await java.call('read', { topic, partitions: 1, count: 4, isolation: 'read_committed' })
  assert.deepEqual(
    read.map(({ value }) => value),
    expected,
  )
}

function togetherWithJava(
  name: string,
  open: () => Promise<{ brokers: string; close(): Promise<void> }>,
): void {
  describe(`our client and Java's at ${name}`, { skip, concurrency: 3 }, () => {
    let target: Awaited<ReturnType<typeof open>>
    let java: DriverProcess
    before(async () => {
      target = await open()
      const { command, parameters } = javaCommand(await installClient('java'), 'Driver')
      java = new DriverProcess(command, parameters, { BROKERS: target.brokers })
    })
    after(async () => {
      await java.close()
      await target.close()
    })
    const scenario = (what: string, run: (s: Scenario) => Promise<void>): void => {
      it(what, { timeout }, async () => {
        const s = new Scenario({ brokers: [target.brokers] })
        try {
          await run(s)
        } finally {
          await s.close()
        }
      })
    }
    for (const kind of kinds) {
      scenario(`share a group: ${kind.name}`, (s) => mixedGroup(s, java, kind))
    }
    for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
      scenario(`read what the other wrote: ${compression}`, (s) => bothWays(s, java, compression))
    }
    scenario('read what the other committed, and nothing that it aborted', (s) =>
      transactionsBothWays(s, java),
    )
  })
}

togetherWithJava('our broker', openTarget)
togetherWithJava('a real Kafka', async () => {
  const kafka = await openKafkaCluster({
    brokers: 1,
    config: {
      'group.consumer.min.heartbeat.interval.ms': '100',
      'group.consumer.heartbeat.interval.ms': '300',
    },
  })
  return { brokers: kafka.brokers[0]!, close: () => kafka.close() }
})

describe("the partition of a key is that of Java's producer", { skip }, () => {
  it('for 100,000 keys and any number of partitions', { timeout }, async () => {
    const random = simulatedRandom('keys of any kind')
    const counts = [1, 2, 3, 7, 12, 16, 50, 100, 1000, 4001, 65_536]
    const keys = Array.from({ length: 100_000 }, (_, index) => {
      const bytes = Buffer.alloc(index % 61)
      for (let at = 0; at < bytes.length; at++) bytes[at] = random.uint32() >>> 24
      return bytes
    })
    const length = (key: Buffer): Buffer => {
      const bytes = Buffer.alloc(4)
      bytes.writeInt32BE(key.length)
      return bytes
    }
    const { command, parameters } = javaCommand(await installClient('java'), 'Partitions', counts.map(String))
    const out = execFileSync(command, parameters, {
      input: Buffer.concat(keys.flatMap((key) => [length(key), key])),
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      timeout,
    })
    const lines = out.trimEnd().split('\n')
    assert.equal(lines.length, keys.length)
    const partitioner = new Partitioner(random)
    for (const [index, key] of keys.entries()) {
      const ours = counts.map((count) => partitioner.choose('t', count, key, key.length))
      assert.equal(lines[index]!.trimEnd(), ours.join(' '), key.toString('hex'))
    }
  })
})
