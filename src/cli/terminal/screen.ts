/**
 * Lines at the end of a terminal that are drawn again and again in place.
 *
 * A terminal that was made narrower has wrapped what is there: the rows to go up are counted for its present width.
 */
import type { TerminalOutput } from '../../platform/terminal.ts'
import { cutStyled, textWidth } from './text.ts'

export class Screen {
  private readonly out: TerminalOutput
  /** How wide each drawn line is. */
  private drawn: readonly number[] = []

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
      .map((line) => cutStyled(line, this.out.columns))
    this.out.write(`${this.erase()}${shown.map((line) => `${line}\n`).join('')}`)
    this.drawn = shown.map((line) => textWidth(withoutStyles(line)))
  }

  /** Leaves what is drawn where it is. */
  release(): void {
    this.drawn = []
  }

  private erase(): string {
    const { columns } = this.out
    const rows = this.drawn.reduce((total, width) => total + Math.max(1, Math.ceil(width / columns)), 0)
    this.drawn = []
    return rows === 0 ? '' : `\x1b[${rows}A\x1b[0J`
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: this is what begins an escape sequence.
const withoutStyles = (line: string): string => line.replaceAll(/\x1b\[[\d;]*m/g, '')
