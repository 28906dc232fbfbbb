/**
 * Sources: where events come from.
 *
 * 1. `defineSource` gives a function. Called with options, it checks them and gives a description that a
 *    config file holds; nothing is opened.
 * 2. An agent opens the description at the position that it has committed last, and then pulls batches.
 * 3. Each batch says with its `position` where to go on behind it. The agent commits position and events
 *    together, so a source keeps no state of its own and never acknowledges anything.
 *
 * The connector conformance suite (conformance/source.ts) is the exact meaning of this interface.
 */
import type { Logger } from '../core/logger.ts'
import type { Platform } from '../platform/platform.ts'
import type { FailedEvent, SourceEvent } from './event.ts'
import type { Json } from './json.ts'
import { type OptionInputs, type OptionSpecs, type OptionValues, parseOptions } from './options/index.ts'

export interface SourceBatch {
  readonly events: readonly (SourceEvent | FailedEvent)[]
  /** The part of the source, such as a file, that all events of the batch come from. */
  readonly unit: string
  /** Where to go on behind this batch. It survives JSON unchanged. */
  readonly position: Json
  /** Given on the last batch of a unit: stands for the unit's content, so that a change is seen. */
  readonly unitChecksum?: string
}

export interface Source {
  /**
   * The next batch; `idle` when there is nothing new at the moment, `ended` when there never will be.
   * Never called again before its promise has settled, nor after `close`.
   */
  read(): Promise<SourceBatch | 'idle' | 'ended'>
  /** How long the agent should wait after `idle`. Default 500. */
  readonly pollDelayMs?: number
  /** Releases everything. A read that waits has been ended by the signal before. */
  close(): Promise<void>
}

/** What a connector is given besides its options. */
export interface ConnectorSurroundings {
  /** The name of the agent or delivery that uses the connector. */
  readonly name: string
  readonly platform: Platform
  readonly logger: Logger
  /** Against which relative paths are read. */
  readonly baseDirectory: string
  /** Aborts when waiting is of no use any more; a wait then ends with MR_ABORTED. */
  readonly signal: AbortSignal
}

export interface OpenSource extends ConnectorSurroundings {
  /** The position of the last batch that was committed; undefined at the very start. */
  readonly position?: Json
  /**
   * Read exactly these units, in this order, from `position` on, and then end. Only for replayable sources.
   */
  readonly units?: readonly string[]
}

export interface SourceDefinition<Specs extends OptionSpecs> {
  /** As in the register: `spool-directory`. */
  readonly name: string
  /** One sentence for the reference page. */
  readonly summary: string
  readonly options: Specs
  /** The source has units, gives their checksums, and honours `units`: it can be replayed by event time. */
  readonly replayable?: boolean
  /** Options that are legal each for itself but not together. @throws MR_OPTION_INVALID */
  check?(options: OptionValues<Specs>): void
  /** @throws MR_SOURCE_FAILED, MR_FILE_NOT_FOUND or what the source documents */
  open(context: OpenSource & { readonly options: OptionValues<Specs> }): Promise<Source>
}

/** A source with its options, not opened: what a config file holds. */
export interface ConfiguredSource {
  readonly kind: 'source'
  readonly connector: string
  /** As checked, with defaults. */
  readonly options: Readonly<Record<string, unknown>>
  readonly replayable: boolean
  open(context: OpenSource): Promise<Source>
}

export interface SourceConnector<Specs extends OptionSpecs = OptionSpecs> {
  /** @throws MR_OPTION_INVALID */
  (options: OptionInputs<Specs>): ConfiguredSource
  readonly kind: 'source'
  readonly definition: SourceDefinition<Specs>
}

export function defineSource<const Specs extends OptionSpecs>(
  definition: SourceDefinition<Specs>,
): SourceConnector<Specs> {
  const configure = (input: OptionInputs<Specs>): ConfiguredSource => {
    const options = parseOptions(`source "${definition.name}"`, definition.options, input)
    definition.check?.(options)
    return {
      kind: 'source',
      connector: definition.name,
      options,
      replayable: definition.replayable === true,
      open: (context) => definition.open({ ...context, options }),
    }
  }
  return Object.assign(configure, { kind: 'source', definition } as const)
}
