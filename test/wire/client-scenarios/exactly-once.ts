/**
 * Reading, writing and committing as one (KIP-447): each record counts once, whoever works and whoever comes and goes,
 * under both group protocols.
 */
import assert from 'node:assert/strict'
import { cooperativeStickyAssignor } from '../../../src/client/consumer/assignors/cooperative-sticky.ts'
import { recordsOf } from '../../../src/client/consumer/records.ts'
import { byNumber, numbers, produce, protocols } from './group.ts'
import { type Scenario, type ScenarioTest, text } from './scenario.ts'

export function exactlyOnceScenarios(scenario: ScenarioTest): void {
  for (const protocol of protocols) exactlyOnceScenario(scenario.needing(`${protocol} groups`), protocol)
}

function exactlyOnceScenario(scenario: ScenarioTest, protocol: 'classic' | 'consumer'): void {
  scenario(`exactly once: read, write in transactions, members come and go (${protocol})`, async (s) => {
    const [input, output] = [await s.topic(4), await s.topic(4)]
    const group = s.name('group')
    const workers = new Map<string, Worker>()
    const start = (name: string): void => {
      workers.set(name, new Worker(s, { input, output, group, protocol, name: `${group}-${name}` }))
    }
    let total = 0
    const whileProducing = (what: string, holds: () => boolean): Promise<void> =>
      s.until(what, async () => {
        await produce(s, input, total, total + 40, 4)
        total += 40
        return holds()
      })
    start('a')
    start('b')
    await whileProducing('both work', () => [...workers.values()].every(({ commits }) => commits > 2))
    await workers.get('a')?.stop()
    workers.delete('a')
    start('c')
    await whileProducing('the new one works', () => (workers.get('c')?.commits ?? 0) > 2)
    await s.until('all is written', async () => (await s.readAll(output)).length >= total)
    for (const worker of workers.values()) await worker.stop()
    const written = (await s.readAll(output)).map(({ value }) => text(value) ?? '')
    assert.deepEqual(written.sort(byNumber), numbers(total))
  })
}

interface WorkerNames {
  readonly input: string
  readonly output: string
  readonly group: string
  readonly name: string
  readonly protocol: 'classic' | 'consumer'
}

/** Copies from a topic to another in transactions, with the positions of the group. */
class Worker {
  commits = 0
  private stopped = false
  private readonly running: Promise<void>

  constructor(s: Scenario, names: WorkerNames) {
    this.running = this.run(s, names)
    this.running.catch(() => {})
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.running
  }

  private async run(s: Scenario, { input, output, group, name, protocol }: WorkerNames): Promise<void> {
    const cluster = s.newCluster()
    const producer = s.producer({ transactionalId: name }, cluster)
    const consumer = s.consumer(
      {
        group,
        protocol,
        assignors: [cooperativeStickyAssignor],
        heartbeatIntervalMs: 100,
        partitionMaxBytes: 2000,
      },
      cluster,
    )
    await producer.init()
    await consumer.subscribe([input])
    while (!this.stopped) {
      const batches = await consumer.poll({ maxWaitMs: 50 })
      if (batches.length === 0) continue
      producer.begin()
      try {
        for (const fetched of batches) {
          for (const { partition, value } of recordsOf(fetched)) {
            void producer.send({ topic: output, partition, value })
          }
        }
        await producer.sendOffsets(
          consumer.groupMetadata(),
          batches.map(({ topic, partition, nextOffset }) => ({ topic, partition, offset: nextOffset })),
        )
        await producer.commit()
        this.commits++
      } catch {
        await producer.abort()
        // The partitions may be gone; what is left starts where the group stands.
        const mine = consumer.assignment()
        const committed = await consumer.committed(mine)
        for (const one of mine) {
          consumer.seek(one.topic, one.partition, committed.get(`${one.topic}/${one.partition}`)?.offset ?? 0)
        }
      }
    }
    await consumer.close()
    await producer.close()
  }
}
