/** Batches that were handed over and not settled yet, in order, and the first that failed. */
import type { MillraceError } from '../../core/errors.ts'

export class Outstanding {
  private nextSerial = 0
  private readonly open = new Set<number>()
  private readonly waiting: { readonly serial: number; readonly resolve: () => void }[] = []
  private failure: MillraceError | undefined

  get count(): number {
    return this.open.size
  }

  /** A batch was handed over; its serial number. */
  begin(): number {
    const serial = this.nextSerial++
    this.open.add(serial)
    return serial
  }

  end(serial: number, error?: MillraceError): void {
    this.open.delete(serial)
    this.failure ??= error
    if (this.waiting.length === 0) return
    const oldest: number = this.open.values().next().value ?? this.nextSerial
    while (this.waiting.length > 0 && this.waiting[0]!.serial < oldest) this.waiting.shift()!.resolve()
  }

  /** Something failed before it became a batch. */
  note(error: MillraceError): void {
    this.failure ??= error
  }

  /** Resolves when all that was handed over so far is settled, well or not. */
  settled(): Promise<void> {
    if (this.open.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.waiting.push({ serial: this.nextSerial - 1, resolve }))
  }

  /** The first failure since the last call. */
  takeFailure(): MillraceError | undefined {
    const { failure } = this
    this.failure = undefined
    return failure
  }
}
