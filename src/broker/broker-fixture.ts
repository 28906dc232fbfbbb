/** A broker on the simulated platform, for tests: time stands still between the steps of a test. */
import type { Disk } from '../platform/disk.ts'
import { type Simulation, type SimulationOptions, simulatedPlatform } from '../platform/simulated/platform.ts'
import type { Connection, SendOptions } from '../protocol/connection.ts'
import { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.ts'
import type { AnyApi, RequestInput, ResponseOf } from '../protocol/schema/message.ts'
import { Broker } from './broker.ts'
import type { BrokerConfig } from './config/broker-config.ts'

export const DATA_DIRECTORY = '/data'

/** A client of another process, which lives on when the broker's ends. */
const client = { clientId: 'test', clientHost: 'elsewhere' }

export class TestBroker {
  readonly simulation: Simulation
  private readonly config: BrokerConfig
  broker: Broker
  private connection: Connection

  static async open(
    config: BrokerConfig = {},
    options: Partial<SimulationOptions> = {},
  ): Promise<TestBroker> {
    const simulation = simulatedPlatform({ seed: 'broker', ...options })
    const broker = await simulation.runUntil(openBroker(simulation, config))
    return new TestBroker(simulation, broker, config)
  }

  private constructor(simulation: Simulation, broker: Broker, config: BrokerConfig) {
    this.simulation = simulation
    this.broker = broker
    this.config = config
    this.connection = broker.connect(client)
  }

  /** Sends a request and lets time go on until the answer is there. */
  send<A extends AnyApi>(api: A, request: RequestInput<A>, options?: SendOptions): Promise<ResponseOf<A>> {
    return this.simulation.runUntil(this.connection.send(api, request, options))
  }

  /** Sends a request whose answer may take until something else happens. */
  begin<A extends AnyApi>(api: A, request: RequestInput<A>, options?: SendOptions): Promise<ResponseOf<A>> {
    return this.connection.send(api, request, options)
  }

  advance(ms: number): Promise<void> {
    return this.simulation.advance(ms)
  }

  /** Closes the broker and opens it again on the same disk. */
  async restart(): Promise<void> {
    await this.simulation.runUntil(this.broker.close())
    await this.reopen()
  }

  /** Ends the broker's process, or its machine, at once and starts it again; `meanwhile` may change its disk. */
  async crash(kind: 'process' | 'power' = 'process', meanwhile?: (disk: Disk) => void): Promise<void> {
    const host = this.simulation.host('local')
    host.crash(kind)
    const { disk } = host.start()
    meanwhile?.(disk)
    await this.reopen()
  }

  async close(): Promise<void> {
    await this.simulation.runUntil(this.broker.close())
  }

  private async reopen(): Promise<void> {
    this.broker = await this.simulation.runUntil(openBroker(this.simulation, this.config))
    this.connection = this.broker.connect(client)
  }
}

function openBroker(simulation: Simulation, config: BrokerConfig): Promise<Broker> {
  // The platform of the program that runs now: after a crash that of the next one.
  const { platform } = simulation.host('local')
  return Broker.open({ platform, dataDirectory: DATA_DIRECTORY, config })
}

export interface BatchOptions {
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
  readonly timestampMs?: number
  readonly compression?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
}

/** A record batch with these values; keys are null. */
export function batchOf(values: readonly string[], options: BatchOptions = {}): Buffer {
  const { timestampMs = 1_767_225_600_000, compression = 'none', ...seal } = options
  const builder = new RecordBatchBuilder({ compression })
  for (const value of values) builder.append(timestampMs, null, Buffer.from(value))
  return builder.seal(seal)
}
