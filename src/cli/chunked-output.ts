/** Many small pieces of output, handed to stdout in large ones; waits for a reader that is slow. */
import { ByteWriter } from '../core/byte-writer.ts'
import type { Clock } from '../platform/clock.ts'
import type { Output } from './output.ts'

const CHUNK_BYTES = 64 * 1024

export class ChunkedOutput {
  readonly writer = new ByteWriter(CHUNK_BYTES)
  private readonly output: Output
  private readonly clock: Clock

  constructor(output: Output, clock: Clock) {
    this.output = output
    this.clock = clock
  }

  get isFull(): boolean {
    return this.writer.length >= CHUNK_BYTES
  }

  /** The reader has gone: nothing more need be written. */
  get closed(): boolean {
    return this.output.closed
  }

  /** Hands over what is there. Resolves when the reader has taken it, or has gone. */
  async flush(): Promise<void> {
    if (this.writer.length === 0) return
    if (!this.output.raw(this.writer.take(CHUNK_BYTES))) await this.output.drained()
    // A pipe may be written without the event loop having had a turn: let signals and the broken pipe be seen.
    await this.clock.nextTurn()
  }
}
