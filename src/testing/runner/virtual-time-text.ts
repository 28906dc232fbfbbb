/** How the process of a test file tells the one that runs it about virtual time. */
const prefix = 'millrace: virtual time in ms: '

export function virtualTimeText(ms: number): string {
  return prefix + ms
}

/** The time that a text of `virtualTimeText` tells; undefined for any other text. */
export function virtualTimeOf(text: string): number | undefined {
  return text.startsWith(prefix) ? Number(text.slice(prefix.length)) : undefined
}
