/**
 * Sinks: where the records of topics are delivered.
 *
 * 1. `defineSink` gives a function that checks options and gives a description, as `defineSource` does.
 * 2. A delivery opens it and hands over batches, in the order of offsets within each partition.
 * 3. After `flush` everything written before it survives a power cut; then offsets are committed.
 * 4. A sink that keeps positions together with its data (`exactly-once`) says with `positions()` where each
 *    partition goes on, and is given no record before that.
 *
 * The connector conformance suite (conformance/sink.ts) is the exact meaning of this interface.
 */
import type { StoredRecord } from '../core/record.ts'
import { type OptionInputs, type OptionSpecs, type OptionValues, parseOptions } from './options/index.ts'
import type { ConnectorSurroundings } from './source.ts'

/**
 * What a restart does to the outside. `at-least-once`: records may be there twice. `idempotent`: they are written
 * again over themselves. `exactly-once`: positions are kept with the data, and nothing is written again.
 */
export type SinkDelivery = 'at-least-once' | 'idempotent' | 'exactly-once'

export interface Sink {
  /**
   * Takes records.
   *
   * A PartialWriteError names the records that are not written, while all others are. Retriable ones are handed over
   * again; a record that follows such a one of the same key has to fail with it, or order is lost. The others go to
   * the dead letters and count as done.
   *
   * After any other rejection, of `flush` too, the sink is closed and opened again, and everything since the last
   * flush is handed over anew.
   */
  write(records: readonly StoredRecord[]): Promise<void>
  /** Resolves when everything written survives a power cut. */
  flush(): Promise<void>
  /** Of sinks that are exactly-once: the next offset of each partition, by `topic/partition`, as of the last flush. */
  positions?(): ReadonlyMap<string, number>
  /** Releases everything; what was not flushed may be lost. */
  close(): Promise<void>
}

export type OpenSink = ConnectorSurroundings

export interface SinkDefinition<Specs extends OptionSpecs> {
  /** As in the register: `file`. */
  readonly name: string
  /** One sentence for the reference page. */
  readonly summary: string
  readonly delivery: SinkDelivery
  readonly options: Specs
  /** Options that are legal each for itself but not together. @throws MR_OPTION_INVALID */
  check?(options: OptionValues<Specs>): void
  /** @throws MR_SINK_FAILED or what the sink documents */
  open(context: OpenSink & { readonly options: OptionValues<Specs> }): Promise<Sink>
}

/** A sink with its options, not opened: what a config file holds. */
export interface ConfiguredSink {
  readonly kind: 'sink'
  readonly connector: string
  readonly delivery: SinkDelivery
  /** As checked, with defaults. */
  readonly options: Readonly<Record<string, unknown>>
  open(context: OpenSink): Promise<Sink>
}

export interface SinkConnector<Specs extends OptionSpecs = OptionSpecs> {
  /** @throws MR_OPTION_INVALID */
  (options: OptionInputs<Specs>): ConfiguredSink
  readonly kind: 'sink'
  readonly definition: SinkDefinition<Specs>
}

export function defineSink<const Specs extends OptionSpecs>(
  definition: SinkDefinition<Specs>,
): SinkConnector<Specs> {
  const configure = (input: OptionInputs<Specs>): ConfiguredSink => {
    const options = parseOptions(`sink "${definition.name}"`, definition.options, input)
    definition.check?.(options)
    return {
      kind: 'sink',
      connector: definition.name,
      delivery: definition.delivery,
      options,
      open: (context) => definition.open({ ...context, options }),
    }
  }
  return Object.assign(configure, { kind: 'sink', definition } as const)
}
