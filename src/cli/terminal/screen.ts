/** Lines at the end of a terminal that are drawn again and again in place. */
import type { TerminalOutput } from '../../platform/terminal.ts'
import { cutText } from './text.ts'

export class Screen {
  private readonly out: TerminalOutput
  private drawn = 0

  constructor(out: TerminalOutput) {
    this.out = out
  }

  /** Writes a line that stays, above what is redrawn. */
  print(line: string): void {
    this.out.write(`${this.erase()}${line}\n`)
  }

  /** Draws the lines over those of the last call; never more than the terminal is high. */
  draw(lines: readonly string[]): void {
    const shown = lines
      .slice(0, Math.max(1, this.out.rows - 1))
      .map((line) => cutText(line, this.out.columns))
    this.out.write(`${this.erase()}${shown.map((line) => `${line}\n`).join('')}`)
    this.drawn = shown.length
  }

  /** Leaves what is drawn where it is. */
  release(): void {
    this.drawn = 0
  }

  private erase(): string {
    const up = this.drawn === 0 ? '' : `\x1b[${this.drawn}A\x1b[0J`
    this.drawn = 0
    return up
  }
}
