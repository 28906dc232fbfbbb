/** The edit distance of two short texts: insertions, deletions, substitutions and swaps of neighbours count 1. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let least = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1))
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) least = Math.min(least, beforeLast[column - 2]! + 1)
      current.push(least)
    }
    beforeLast = last
    last = current
  }
  return last[b.length]!
}

const NAME_LENGTH_MAX = 100

/** The candidate that was most likely meant by `name`, or undefined when none is near: a third may be wrong. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > NAME_LENGTH_MAX) return undefined
  let nearest: string | undefined
  let least = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    const edits = distance(name.toLowerCase(), candidate.toLowerCase())
    if (edits < least) {
      least = edits
      nearest = candidate
    }
  }
  return nearest
}

/** `Did you mean "directory"?`, or else `Legal: a, b.` */
export function suggestName(name: string, candidates: Iterable<string>): string {
  const legal = [...candidates]
  const nearest = nearestName(name, legal)
  if (nearest !== undefined) return `Did you mean "${nearest}"?`
  return legal.length === 0 ? 'There are none.' : `Legal: ${legal.join(', ')}.`
}
