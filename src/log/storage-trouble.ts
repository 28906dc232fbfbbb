/**
 * What is said when the disk refuses appends: all partitions of a data directory meet a full disk at once, and
 * their producers try again many times a second. So one line says it, again once a minute while it lasts, with how
 * many appends were refused meanwhile; and one says when it is over.
 */
import { isMillraceError, type MillraceError, messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Clock } from '../platform/clock.ts'
import { logError } from './log-error.ts'

const REPEAT_MS = 60_000

export class StorageTrouble {
  private readonly clock: Clock
  private readonly logger: Logger
  private refused = 0
  private toldAtMs = Number.NEGATIVE_INFINITY
  /** The partition whose append was refused last; undefined while the disk takes what comes. */
  private directory: string | undefined

  constructor(clock: Clock, logger: Logger) {
    this.clock = clock
    this.logger = logger
  }

  /**
   * An append could not be written: gives the error for its producer, who may try again. Errors that are not of the
   * disk are given back as they are.
   */
  met(directory: string, cause: unknown): unknown {
    if (!isMillraceError(cause) || (cause.code !== 'MR_DISK_FULL' && cause.code !== 'MR_DISK_FAILED'))
      return cause
    const error =
      cause.context['kafkaCode'] === undefined
        ? logError(cause.code, 'KAFKA_STORAGE_ERROR', cause.message, {
            cause,
            ...(cause.where === undefined ? {} : { where: cause.where }),
            hint: cause.hint ?? 'Nothing that was acknowledged is lost.',
          })
        : cause
    this.tell(directory, error)
    return error
  }

  /** An append was written, to that partition or another. */
  over(directory: string): void {
    if (this.directory !== directory) return
    this.directory = undefined
    this.logger.info({ directory, refused: this.refused }, 'the disk takes appends again')
    this.refused = 0
    this.toldAtMs = Number.NEGATIVE_INFINITY
  }

  private tell(directory: string, error: MillraceError): void {
    this.directory = directory
    this.refused++
    const nowMs = this.clock.monotonicMs()
    if (nowMs - this.toldAtMs < REPEAT_MS) return
    this.toldAtMs = nowMs
    this.logger.error(
      { code: error.code, directory, where: error.where, refused: this.refused, hint: error.hint },
      messageOf(error),
    )
    this.refused = 0
  }
}
