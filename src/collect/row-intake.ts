/** Takes the rows of batches through the processor and counts what they become. */
import type { SourceBatch } from '../connector/index.ts'
import type { AgentCounters } from './agent-counters.ts'
import type { EncodedRow } from './encoded-row.ts'
import type { EventProcessor } from './event-processor.ts'

export class RowIntake {
  private readonly processor: EventProcessor
  private readonly counters: AgentCounters

  constructor(processor: EventProcessor, counters: AgentCounters) {
    this.processor = processor
    this.counters = counters
  }

  /** Calls `take` for each row that became records, one of them a dead letter. */
  batch(batch: SourceBatch, take: (row: EncodedRow) => void): void {
    const { processor, counters } = this
    counters.unit = batch.unit
    for (const event of batch.events) {
      counters.rowsIn++
      const outcome = processor.process(event, batch.unit)
      if (outcome === 'dropped') counters.droppedRows++
      else if (outcome === 'skipped') counters.skippedRows++
      else {
        if (outcome === 'dead-letter') counters.deadLetters++
        take(processor.row)
      }
    }
  }
}
