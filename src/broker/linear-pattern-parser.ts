/**
 * From the text of a regular expression to the steps that match it.
 *
 *     alternatives  sequence ( '|' sequence )*
 *     sequence      ( piece ( '*' | '+' | '?' | '{m}' | '{m,}' | '{m,n}' ) '?'? )*
 *     piece         '.' | '[' … ']' | '\' … | '(' alternatives ')' | '^' | '$' | a character
 */

export type Step =
  | { readonly kind: 'take'; readonly takes: CharacterSet }
  | { readonly kind: 'jump'; to: number }
  | { readonly kind: 'split'; to: number; other: number }
  | { readonly kind: 'start' | 'finish' | 'end' }

export interface Program {
  readonly steps: readonly Step[]
  readonly ignoreCase: boolean
}

type Node =
  | { readonly kind: 'take'; readonly takes: CharacterSet }
  | { readonly kind: 'start' | 'finish' }
  | { readonly kind: 'sequence' | 'alternatives'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly min: number; readonly max: number }

const SOURCE_LENGTH_MAX = 1000
const STEPS_MAX = 10_000
const REPEAT_MAX = 1000
const DEPTH_MAX = 50

type CharacterSet = (code: number) => boolean

const codeOf = (character: string): number => character.codePointAt(0)!
const between =
  (first: number, last: number): CharacterSet =>
  (code) =>
    code >= first && code <= last
const not =
  (set: CharacterSet): CharacterSet =>
  (code) =>
    !set(code)
const anyOf =
  (sets: readonly CharacterSet[]): CharacterSet =>
  (code) =>
    sets.some((set) => set(code))

const digit = between(0x30, 0x39)
const word = anyOf([digit, between(0x41, 0x5a), between(0x61, 0x7a), (code) => code === 0x5f])
const space: CharacterSet = (code) => code === 0x20 || (code >= 0x09 && code <= 0x0d && code !== 0x0b)
const named: Readonly<Record<string, CharacterSet>> = {
  d: digit,
  w: word,
  s: space,
  D: not(digit),
  W: not(word),
  S: not(space),
}
const control: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', v: '\v' }

/** Thrown inside the parser only. */
class NotAPattern extends Error {}

class Parser {
  private readonly characters: readonly string[]
  private at = 0
  private depth = 0

  constructor(source: string) {
    this.characters = [...source]
  }

  parse(): Node {
    const node = this.alternatives()
    if (this.at < this.characters.length) throw new NotAPattern()
    return node
  }

  private get next(): string | undefined {
    return this.characters[this.at]
  }

  private take(character: string): boolean {
    if (this.next !== character) return false
    this.at++
    return true
  }

  private alternatives(): Node {
    if (++this.depth > DEPTH_MAX) throw new NotAPattern()
    const parts = [this.sequence()]
    while (this.take('|')) parts.push(this.sequence())
    this.depth--
    return { kind: 'alternatives', parts }
  }

  private sequence(): Node {
    const parts: Node[] = []
    while (this.next !== undefined && this.next !== '|' && this.next !== ')') {
      const part = this.piece()
      const bounds = this.bounds()
      if (bounds !== undefined) this.take('?')
      parts.push(bounds === undefined ? part : { kind: 'repeat', part, ...bounds })
    }
    return { kind: 'sequence', parts }
  }

  private bounds(): { readonly min: number; readonly max: number } | undefined {
    const max = Number.POSITIVE_INFINITY
    if (this.take('*')) return { min: 0, max }
    if (this.take('+')) return { min: 1, max }
    if (this.take('?')) return { min: 0, max: 1 }
    if (this.next !== '{') return undefined
    const match = /^\{(\d{1,4})(,(\d{1,4})?)?\}/.exec(this.characters.slice(this.at, this.at + 12).join(''))
    if (match === null) return undefined
    this.at += match[0].length
    const least = Number(match[1])
    const most = match[2] === undefined ? least : match[3] === undefined ? max : Number(match[3])
    if (least > REPEAT_MAX || most < least || (most > REPEAT_MAX && most !== max)) throw new NotAPattern()
    return { min: least, max: most }
  }

  private piece(): Node {
    const character = this.next!
    this.at++
    switch (character) {
      case '(':
        return this.group()
      case '[':
        return { kind: 'take', takes: this.characterClass() }
      case '.':
        return { kind: 'take', takes: (code) => code !== 0x0a }
      case '\\':
        return { kind: 'take', takes: this.escape() }
      case '^':
        return { kind: 'start' }
      case '$':
        return { kind: 'finish' }
      case '*':
      case '+':
      case '?':
        throw new NotAPattern()
      default:
        return { kind: 'take', takes: literal(character) }
    }
  }

  private group(): Node {
    if (this.take('?')) {
      const name = /^(:|P?<[A-Za-z]\w{0,30}>)/.exec(this.characters.slice(this.at, this.at + 40).join(''))
      if (name === null) throw new NotAPattern()
      this.at += name[0].length
    }
    const node = this.alternatives()
    if (!this.take(')')) throw new NotAPattern()
    return node
  }

  private escape(): CharacterSet {
    const character = this.next
    if (character === undefined) throw new NotAPattern()
    this.at++
    const set = named[character]
    if (set !== undefined) return set
    const code = control[character]
    if (code !== undefined) return literal(code)
    if (/[A-Za-z0-9]/.test(character)) throw new NotAPattern()
    return literal(character)
  }

  private characterClass(): CharacterSet {
    const negated = this.take('^')
    const sets: CharacterSet[] = []
    for (let first = true; first || this.next !== ']'; first = false) {
      const from = this.classMember()
      if (typeof from !== 'number') {
        sets.push(from)
        continue
      }
      const range = this.next === '-' && this.characters[this.at + 1] !== ']'
      if (range) this.at++
      const to = range ? this.classMember() : from
      if (typeof to !== 'number' || to < from) throw new NotAPattern()
      sets.push(between(from, to))
    }
    this.at++
    return negated ? not(anyOf(sets)) : anyOf(sets)
  }

  private classMember(): number | CharacterSet {
    const character = this.next
    if (character === undefined) throw new NotAPattern()
    this.at++
    if (character !== '\\') return codeOf(character)
    const escaped = this.next
    const set = escaped === undefined ? undefined : named[escaped]
    if (set !== undefined) {
      this.at++
      return set
    }
    if (escaped === undefined || (/[A-Za-z0-9]/.test(escaped) && control[escaped] === undefined)) {
      throw new NotAPattern()
    }
    this.at++
    return codeOf(control[escaped] ?? escaped)
  }
}

function literal(character: string): CharacterSet {
  const code = codeOf(character)
  return (other) => other === code
}

/** Turns a parsed pattern into steps. */
class Compiler {
  readonly steps: Step[] = []

  add<S extends Step>(step: S): S {
    if (this.steps.length >= STEPS_MAX) throw new NotAPattern()
    this.steps.push(step)
    return step
  }

  compile(node: Node): void {
    switch (node.kind) {
      case 'sequence':
        for (const part of node.parts) this.compile(part)
        return
      case 'alternatives':
        this.alternatives(node.parts)
        return
      case 'repeat':
        this.repeat(node.part, node.min, node.max)
        return
      default:
        this.add(node)
    }
  }

  private alternatives(parts: readonly Node[]): void {
    const exits: { to: number }[] = []
    parts.forEach((part, i) => {
      const last = i === parts.length - 1
      const split = last ? undefined : this.add({ kind: 'split', to: this.steps.length + 1, other: 0 })
      this.compile(part)
      if (split === undefined) return
      exits.push(this.add({ kind: 'jump', to: 0 }))
      split.other = this.steps.length
    })
    for (const exit of exits) exit.to = this.steps.length
  }

  private repeat(part: Node, min: number, max: number): void {
    for (let i = 0; i < min; i++) this.compile(part)
    const endless = max === Number.POSITIVE_INFINITY
    const splits: { other: number }[] = []
    for (let i = 0; i < (endless ? 1 : max - min); i++) {
      const begin = this.steps.length
      splits.push(this.add({ kind: 'split', to: begin + 1, other: 0 }))
      this.compile(part)
      if (endless) this.add({ kind: 'jump', to: begin })
    }
    for (const split of splits) split.other = this.steps.length
  }
}

/** The program of a pattern, or undefined for a text that is none. */
export function parsePattern(source: string): Program | undefined {
  if (source.length > SOURCE_LENGTH_MAX) return undefined
  const ignoreCase = source.startsWith('(?i)')
  const compiler = new Compiler()
  try {
    compiler.compile(new Parser(ignoreCase ? source.slice(4).toLowerCase() : source).parse())
    compiler.add({ kind: 'end' })
  } catch (error) {
    if (error instanceof NotAPattern) return undefined
    throw error
  }
  return { steps: compiler.steps, ignoreCase }
}
