/** One round of everything that goes wrong, each fault ending before the next begins. */
import type { Kafka } from '../../../src/client/index.ts'
import { sleep } from '../../../src/platform/clock.ts'
import { nodePlatform } from '../../../src/platform/node/platform.ts'
import { type Random, randomInt } from '../../../src/platform/random.ts'
import type { KafkaCluster } from '../cluster.ts'
import type { FaultyWay } from './faulty-way.ts'
import type { ProducerHistory } from './history.ts'
import type { Worker } from './workers.ts'

export interface Scene {
  readonly cluster: KafkaCluster
  /** Before the brokers, in their order. */
  readonly ways: readonly FaultyWay[]
  /** Not through the ways. */
  readonly kafka: Kafka
  readonly workers: readonly Worker[]
  readonly random: Random
  readonly topic: string
  /** What is deleted and made again. */
  readonly again: { readonly topic: string; readonly history: ProducerHistory; readonly partitions: number }
  say(line: string): void
}

const { clock } = nodePlatform()
const PARTITIONS_MAX = 12

export async function schedule(scene: Scene): Promise<void> {
  for (const at of [0, 1, 2]) {
    await killed(scene, at)
    await cut(scene, randomInt(scene.random, 3))
    await comeAndGo(scene, at)
  }
  await clogged(scene, randomInt(scene.random, 3))
  await paused(scene, randomInt(scene.random, 3))
  await enlarged(scene)
  await madeAgain(scene)
}

/** Between a third of a second and three. */
const while_ = (random: Random): Promise<void> => sleep(clock, 300 + randomInt(random, 2700))

/** As a machine fails: leaders and coordinators of this broker move to others, and back when it is there again. */
async function killed({ cluster, random, say }: Scene, at: number): Promise<void> {
  const node = cluster.nodes[at]!
  say(`broker ${node.id} is killed`)
  await node.kill()
  await while_(random)
  node.start()
  await cluster.settled()
  say(`broker ${node.id} is back`)
  await while_(random)
}

async function cut({ ways, random, say }: Scene, at: number): Promise<void> {
  say(`the way to broker ${at + 1} is cut`)
  ways[at]!.cut()
  await while_(random)
  ways[at]!.heal()
}

async function clogged({ ways, random, say }: Scene, at: number): Promise<void> {
  say(`nothing moves on the way to broker ${at + 1}`)
  ways[at]!.clog()
  await while_(random)
  ways[at]!.heal()
}

/** As a long collection of garbage, or a virtual machine that is moved. */
async function paused({ cluster, random, say }: Scene, at: number): Promise<void> {
  const node = cluster.nodes[at]!
  say(`broker ${node.id} stands still`)
  node.pause()
  await while_(random)
  node.continue()
}

/** A member leaves, one crashes, and both come back. */
async function comeAndGo({ workers, random, say }: Scene, at: number): Promise<void> {
  const leaving = workers[at % workers.length]!
  const crashing = workers[(at + 1) % workers.length]!
  say(`member ${(at % workers.length) + 1} leaves, member ${((at + 1) % workers.length) + 1} crashes`)
  await Promise.all([leaving.leave(), crashing.crash()])
  await while_(random)
  leaving.start()
  crashing.start()
}

async function enlarged({ kafka, topic, say }: Scene): Promise<void> {
  const [described] = await kafka.admin().describeTopics([topic])
  const partitions = described!.partitions.length + 1
  if (partitions > PARTITIONS_MAX) return
  say(`the topic has ${partitions} partitions`)
  await kafka.admin().createPartitions([{ topic, partitions }])
}

async function madeAgain({ kafka, random, again, say }: Scene): Promise<void> {
  const admin = kafka.admin()
  say(`a topic is deleted`)
  await admin.deleteTopics([again.topic])
  await while_(random)
  await admin.createTopics([{ topic: again.topic, partitions: again.partitions, replicationFactor: 3 }])
  again.history.promisedFrom = again.history.sent
  say('and made again')
  await while_(random)
}
