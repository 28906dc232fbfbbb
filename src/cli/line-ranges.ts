const RANGES_SHOWN_MAX = 10

/** Numbers of lines, put together as ranges as they come: `4, 17-20, 900`. Takes memory per range only. */
export class LineRanges {
  count = 0
  first = 0
  private readonly ranges: { from: number; to: number }[] = []
  private more = 0

  /** Lines come in order. */
  add(line: number): void {
    if (this.count++ === 0) this.first = line
    const last = this.ranges.at(-1)
    if (last?.to === line - 1) last.to = line
    else if (this.ranges.length < RANGES_SHOWN_MAX) this.ranges.push({ from: line, to: line })
    else this.more++
  }

  toString(): string {
    const shown = this.ranges.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`))
    return shown.join(', ') + (this.more > 0 ? ` and ${this.more} more` : '')
  }
}
