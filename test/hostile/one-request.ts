/** A broker over simulated sockets and single requests to it, each timed by the machine's clock. */
import { TestBroker } from '../../src/broker/broker-fixture.ts'
import type { BrokerConfig } from '../../src/broker/config/broker-config.ts'
import type { Socket } from '../../src/platform/net.ts'
import { createTopics } from '../../src/protocol/apis/create-topics.ts'
import { TOPIC } from './sample-requests.ts'

const PORT = 9092

export interface OneOutcome {
  readonly answered: boolean
  /** Time of the processors from the first byte sent to the answer, or the end of the connection. */
  readonly ms: number
  readonly answer: Buffer
}

/** The time that this process has had of the processors. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

export class Target {
  readonly broker: TestBroker

  static async open(
    config: BrokerConfig = {},
    topicConfigs: Readonly<Record<string, string>> = {},
  ): Promise<Target> {
    const broker = await TestBroker.open(
      { 'auto.create.topics.enable': false, ...config },
      { seed: 'target' },
    )
    await broker.simulation.runUntil(broker.broker.listen({ host: '0.0.0.0', port: PORT, insecure: true }))
    const configs = Object.entries(topicConfigs).map(([name, value]) => ({ name, value }))
    await broker.send(createTopics, {
      topics: [{ name: TOPIC, numPartitions: 1, replicationFactor: 1, assignments: [], configs }],
      timeoutMs: 1000,
    })
    return new Target(broker)
  }

  private constructor(broker: TestBroker) {
    this.broker = broker
  }

  connect(host = 'stranger'): Promise<Socket> {
    const { simulation } = this.broker
    return simulation.runUntil(
      simulation.host(host).platform.net.connect({ host: 'local', port: PORT, timeoutMs: 5000 }),
    )
  }

  /** Sends one frame over a connection of its own and waits for what comes of it. */
  async send(frame: Buffer): Promise<OneOutcome> {
    const socket = await this.connect()
    let answer: Buffer = Buffer.alloc(0)
    let closed = false
    socket.start({
      data: (bytes) => {
        answer = Buffer.concat([answer, bytes])
      },
      drain: () => {},
      close: () => {
        closed = true
      },
    })
    const isWhole = (): boolean => answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0)
    const startMs = processorMs()
    socket.write(frame)
    // A request that waits for more (a fetch, a join) has an answer within its own time.
    await this.broker.simulation.runUntil(() => closed || isWhole(), { limitMs: 600_000, what: 'an answer' })
    const ms = processorMs() - startMs
    if (!closed) socket.destroy()
    return { answered: isWhole(), ms, answer }
  }

  close(): Promise<void> {
    return this.broker.close()
  }
}
