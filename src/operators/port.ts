/**
 * Ports: how one operator gives out to several streams.
 *
 * The operator pushes a `Routed` that says which port it means; below it stands one port operator per stream, which
 * lets through what is meant for it. The `Routed` is one object per operator that is filled anew for each record:
 * records are pushed synchronously and a node never reaches itself again, so nobody holds one while it changes.
 */
import { type OperatorSpec, type Receiver, statelessOperator } from './operator.ts'

export class Routed {
  port = 0
  value: unknown = undefined

  /** What a dead letter shows of it. */
  toJSON(): unknown {
    return this.value
  }
}

/** Pushes to the ports of one operator. */
export class PortOutput {
  private readonly routed = new Routed()
  private readonly output: Receiver

  constructor(output: Receiver) {
    this.output = output
  }

  process(port: number, key: unknown, value: unknown, timestampMs: number, before?: unknown): void {
    this.routed.port = port
    this.routed.value = value
    this.output.process(key, this.routed, timestampMs, before)
  }
}

/** The stream of what an operator gives to `port`; `kind` names the pair, such as `branch`. */
export function portOperator(kind: string, port: number): OperatorSpec {
  return statelessOperator(`${kind}-output`, (output) => ({
    process(key, value, timestampMs, before) {
      const routed = value as Routed
      if (routed.port === port) output.process(key, routed.value, timestampMs, before)
    },
  }))
}
