/** What a poll gives. */

/** Data of one partition: whole record batches as they stand in the log. */
export interface FetchedBatches {
  readonly topic: string
  readonly partition: number
  /**
   * Whole data batches; control batches and those of aborted transactions are removed. Empty when only the position
   * moved. The first batch may begin before `fetchOffset`: skip records with a lower offset.
   */
  readonly bytes: Buffer
  /** The position before them. */
  readonly fetchOffset: number
  /** The position after them. */
  readonly nextOffset: number
  readonly highWatermark: number
  /** Up to here `read_committed` reads. */
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** The leader epoch of the last batch that was read, to be committed with the position; -1 when not known. */
  readonly leaderEpoch: number
}
