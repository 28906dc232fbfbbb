/**
 * Java's properties files, as Kafka's tools read them: `name=value`, `name: value` or `name value`, a line each.
 *
 * Lines that begin with # or ! are comments; a backslash at the end of a line goes on with the next one; elsewhere it
 * stands before what would have a meaning (`\=`, `\:`, `\\`), and makes `\t`, `\n`, `\r`, `\f` and `\u0041`. A name that
 * is there twice has its last value.
 */

const letters: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }
const nameAndValue = /^((?:\\[\s\S]|[^\\=:\s])*)[ \t\f]*[=:]?[ \t\f]*([\s\S]*)$/

/** By name, in the order of the file. */
export function parseProperties(text: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>()
  for (const line of logicalLines(text)) {
    const [, name = '', value = ''] = nameAndValue.exec(line) ?? []
    properties.set(unescaped(name), unescaped(value))
  }
  return properties
}

/** Lines that say something, with those that they go on with. */
function logicalLines(text: string): readonly string[] {
  const lines: string[] = []
  let begun: string | undefined
  for (const natural of text.split(/\r\n|\r|\n/)) {
    const line = natural.replace(/^[ \t\f]+/, '')
    if (begun === undefined && (line === '' || /^[#!]/.test(line))) continue
    const goesOn = /(?:^|[^\\])(?:\\\\)*\\$/.test(line)
    const whole: string = (begun ?? '') + (goesOn ? line.slice(0, -1) : line)
    begun = goesOn ? whole : undefined
    if (!goesOn) lines.push(whole)
  }
  if (begun !== undefined) lines.push(begun)
  return lines
}

function unescaped(text: string): string {
  return text.replaceAll(
    /\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g,
    (_, code: string | undefined, letter: string) =>
      code === undefined ? (letters[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
  )
}
