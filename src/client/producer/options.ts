/** How a producer behaves. */

import { MillraceError } from '../../core/errors.ts'
import type { CompressionCodec } from '../../protocol/compression/codec.ts'

export interface ProducerOptions {
  /** Makes the producer transactional: one at a time has this id, an older one is fenced. */
  readonly transactionalId?: string
  /** The broker aborts a transaction that is open for longer; 60 s by default. */
  readonly transactionTimeoutMs?: number
  /** Each record is written once and in order, whatever is sent again; true by default. */
  readonly idempotent?: boolean
  /** Who has to have a batch before it is acknowledged: all in-sync replicas (-1, default), the leader (1), nobody (0). */
  readonly acks?: -1 | 0 | 1
  /** How long a batch waits for more records before it is sent; 0 by default. */
  readonly lingerMs?: number
  /** A batch made by `send` is closed at this size; 64 KiB by default. */
  readonly batchBytesMax?: number
  /** A request holds no more than this, unless a single batch is larger; 1 MiB by default. */
  readonly requestBytesMax?: number
  /** Above this `room` and `send` wait until batches are acknowledged; 32 MiB by default. */
  readonly memoryBytesMax?: number
  /** Of batches made by `send`; none by default. A batch given to `sendBatch` has its own. */
  readonly compression?: CompressionCodec
  /** gzip 1 to 9, zstd 1 to 22. */
  readonly compressionLevel?: number
  /** A batch that is not acknowledged within this time fails; 120 s by default. */
  readonly deliveryTimeoutMs?: number
  /** Requests under way per broker; 1 to 5, 5 by default. */
  readonly inFlightMax?: number
  /** 1 keeps to the transactions of before KIP-890 even where the broker has newer ones; 2 by default. */
  readonly transactionVersionMax?: 1 | 2
}

export interface ProducerSettings {
  readonly transactionalId: string | undefined
  readonly transactionTimeoutMs: number
  readonly idempotent: boolean
  readonly acks: -1 | 0 | 1
  readonly lingerMs: number
  readonly batchBytesMax: number
  readonly requestBytesMax: number
  readonly memoryBytesMax: number
  readonly compression: CompressionCodec
  readonly compressionLevel: number | undefined
  readonly deliveryTimeoutMs: number
  readonly inFlightMax: number
  readonly transactionVersionMax: 1 | 2
}

/** More would break the window in which a broker recognises what it has seen. */
const IN_FLIGHT_MAX = 5

/** @throws MR_OPTION_INVALID */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const settings: ProducerSettings = {
    transactionalId: options.transactionalId,
    transactionTimeoutMs: options.transactionTimeoutMs ?? 60_000,
    idempotent: options.idempotent ?? (options.acks === undefined || options.acks === -1),
    acks: options.acks ?? -1,
    lingerMs: options.lingerMs ?? 0,
    batchBytesMax: options.batchBytesMax ?? 64 * 1024,
    requestBytesMax: options.requestBytesMax ?? 1024 * 1024,
    memoryBytesMax: options.memoryBytesMax ?? 32 * 1024 * 1024,
    compression: options.compression ?? 'none',
    compressionLevel: options.compressionLevel,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
    inFlightMax: options.inFlightMax ?? IN_FLIGHT_MAX,
    transactionVersionMax: options.transactionVersionMax ?? 2,
  }
  if (settings.idempotent && settings.acks !== -1) {
    throw invalid('an idempotent producer needs acks -1', 'Leave acks out, or set idempotent to false.')
  }
  if (settings.transactionalId !== undefined && !settings.idempotent) {
    throw invalid('a transactional producer is idempotent', 'Leave idempotent out.')
  }
  if (settings.transactionalId === '') {
    throw invalid('the transactional id is empty', 'Choose one that no other producer has.')
  }
  if (!(settings.inFlightMax >= 1 && settings.inFlightMax <= IN_FLIGHT_MAX)) {
    throw invalid(`inFlightMax is ${settings.inFlightMax}`, `Choose 1 to ${IN_FLIGHT_MAX}.`)
  }
  return settings
}

function invalid(message: string, hint: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', message, { hint })
}
