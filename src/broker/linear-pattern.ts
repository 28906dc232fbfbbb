/**
 * Regular expressions from clients, matched in linear time: no text and no pattern can make the broker stand still.
 *
 * 1. The pattern is parsed (a subset of RE2's syntax, see below) into a program of steps (`linear-pattern-parser.ts`).
 * 2. The text is walked once; at each character the set of steps that could be reached moves on (Thompson 1968,
 *    as in RE2 and Go). Work is text × program, memory is the program.
 *
 * A pattern matches when it fits the whole text, as in Java's `Matcher.matches`. Known: literals, `.`, classes
 * with ranges and negation, `\d \w \s` and their negations, groups, `|`, `* + ?` and `{m,n}`, anchors, a leading
 * `(?i)`. Not known, and refused: back references, look-around, `\p`, `\b`.
 */
import { type Program, parsePattern } from './linear-pattern-parser.ts'

export class LinearPattern {
  private readonly program: Program

  private constructor(program: Program) {
    this.program = program
  }

  /** Undefined when the text is not a pattern that is known here. */
  static tryParse(source: string): LinearPattern | undefined {
    const program = parsePattern(source)
    return program === undefined ? undefined : new LinearPattern(program)
  }

  /** Does the pattern fit the whole text? */
  matches(text: string): boolean {
    const { steps, ignoreCase } = this.program
    const characters = [...(ignoreCase ? text.toLowerCase() : text)]
    let reached = new Set<number>()
    this.follow(0, reached, { first: true, last: characters.length === 0 })
    for (let at = 0; at < characters.length; at++) {
      const code = characters[at]!.codePointAt(0)!
      const next = new Set<number>()
      for (const index of reached) {
        const step = steps[index]!
        if (step.kind === 'take' && step.takes(code)) {
          this.follow(index + 1, next, { first: false, last: at + 1 === characters.length })
        }
      }
      reached = next
      if (reached.size === 0) return false
    }
    for (const index of reached) if (steps[index]!.kind === 'end') return true
    return false
  }

  /** Adds a step, with all that is reached from it without taking a character. */
  private follow(start: number, reached: Set<number>, place: { first: boolean; last: boolean }): void {
    const open = [start]
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (reached.has(index)) continue
      reached.add(index)
      const step = this.program.steps[index]!
      if (step.kind === 'jump') open.push(step.to)
      else if (step.kind === 'split') open.push(step.other, step.to)
      else if (step.kind === 'start' && place.first) open.push(index + 1)
      else if (step.kind === 'finish' && place.last) open.push(index + 1)
    }
  }
}
