/**
 * Keeps the answers to questions that always have the same one; the least recently used goes first when there are too
 * many. While an answer is on its way all who ask wait for the same one. Failures are not kept.
 */
export class BoundedCache<Key, Value> {
  private readonly sizeMax: number
  private readonly values = new Map<Key, Value>()
  private readonly underWay = new Map<Key, Promise<Value>>()

  constructor(sizeMax: number) {
    this.sizeMax = sizeMax
  }

  get size(): number {
    return this.values.size
  }

  /** What is there now. */
  peek(key: Key): Value | undefined {
    const value = this.values.get(key)
    if (value !== undefined && this.values.size > 1) {
      this.values.delete(key)
      this.values.set(key, value)
    }
    return value
  }

  set(key: Key, value: Value): void {
    this.values.delete(key)
    this.values.set(key, value)
    if (this.values.size > this.sizeMax) {
      for (const oldest of this.values.keys()) {
        this.values.delete(oldest)
        break
      }
    }
  }

  delete(key: Key): void {
    this.values.delete(key)
  }

  /** What is there, or what `load` brings. */
  get(key: Key, load: () => Promise<Value>): Promise<Value> {
    const value = this.peek(key)
    if (value !== undefined) return Promise.resolve(value)
    let loading = this.underWay.get(key)
    if (loading === undefined) {
      loading = load()
        .then((loaded) => {
          this.set(key, loaded)
          return loaded
        })
        .finally(() => this.underWay.delete(key))
      this.underWay.set(key, loading)
    }
    return loading
  }
}
