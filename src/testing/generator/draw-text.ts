/** Texts by their format, their length and a pattern that they must match. */
import { formatUuid, randomUuid } from '../../platform/random.ts'
import type { SimulatedRandom } from '../../platform/simulated/random.ts'

const dateTime = (random: SimulatedRandom): string =>
  new Date(random.within([0, 4_102_444_799]) * 1000 + random.within([0, 999])).toISOString()
const formats: Readonly<Record<string, (random: SimulatedRandom) => string>> = {
  'date-time': dateTime,
  date: (random) => dateTime(random).slice(0, 10),
  time: (random) => dateTime(random).slice(11),
  uuid: (random) => formatUuid(randomUuid(random)),
  email: (random) => `${drawWord(random)}@${drawWord(random)}.example`,
  uri: (random) => `https://${drawWord(random)}.example/${drawWord(random)}`,
  hostname: (random) => `${drawWord(random)}.example`,
  ipv4: (random) => Array.from({ length: 4 }, () => random.within([0, 255])).join('.'),
}
const characters = [...'abcdefghijklmnopqrstuvwxyz', ...'ABCXYZ0189 _-"\\\n', 'é', 'ß', '日', '😀']
/** A text of a format is drawn so often until it has the length and matches the pattern. */
const DRAWS_MAX = 100

/** A text of a format that is legal; undefined when the format is not known, or nothing legal was drawn. */
export function drawFormatted(
  random: SimulatedRandom,
  format: string,
  legal: (text: string) => boolean,
): string | undefined {
  const make = formats[format]
  for (let draw = 0; make !== undefined && draw < DRAWS_MAX; draw++) {
    const text = make(random)
    if (legal(text)) return text
  }
  return undefined
}

/** A text of so many characters. */
export function drawCharacters(random: SimulatedRandom, length: number): string {
  return Array.from({ length }, () => characters[random.within([0, characters.length - 1])]).join('')
}

/** 1 to 8 small letters. */
export function drawWord(random: SimulatedRandom): string {
  return Array.from({ length: random.within([1, 8]) }, () => characters[random.within([0, 25])]).join('')
}
