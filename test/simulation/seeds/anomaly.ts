/** What must never be seen. Each simulation has a list of its own, of kinds with their meanings, for people. */
export abstract class Anomaly<Kind extends string = string> extends Error {
  readonly kind: Kind

  constructor(kind: Kind, meaning: string, detail: string, cause?: unknown) {
    super(`${kind} (${meaning}): ${detail}`, { cause })
    this.kind = kind
  }
}
