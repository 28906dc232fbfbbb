/** A registry in this process with a client of it, and bytes of values, for the tests of the serdes. */
import { after, beforeEach } from 'node:test'
import { ByteWriter } from '../core/byte-writer.ts'
import type { Serde } from '../core/serde.ts'
import { nodePlatform } from '../platform/node/platform.ts'
import { FakeRegistry } from './registry-fixture.ts'
import { SchemaRegistry } from './rest/schema-registry.ts'

export interface SerdeWorld {
  fake: FakeRegistry
  registry: SchemaRegistry
}

/** A new one for each test of a `describe`. */
export function eachWithRegistry(): SerdeWorld {
  const world = {} as SerdeWorld
  const close = async (): Promise<void> => {
    world.registry?.close()
    await world.fake?.close()
  }
  beforeEach(async () => {
    await close()
    const platform = nodePlatform()
    world.fake = new FakeRegistry()
    const port = await world.fake.listen(platform.net)
    const url = `http://127.0.0.1:${port}`
    world.registry = new SchemaRegistry({
      platform,
      url,
      retriesMax: 0,
      requestTimeoutMs: 60_000,
      timeoutMs: 60_000,
    })
  })
  after(close)
  return world
}

export function bytesOf<T>(serde: Serde<T>, value: T): Buffer {
  const writer = new ByteWriter(1)
  serde.write(value, writer)
  return writer.copy()
}

/** Reads a value that stands between those of other records, as in a batch. */
export function readAmongOthers<T>(serde: Serde<T>, bytes: Buffer): T {
  const noise = Buffer.alloc(7, 0xff)
  return serde.read(Buffer.concat([noise, bytes, noise]), noise.length, noise.length + bytes.length)
}

/** Records that avsc makes have a class of their own. */
export const plain = (value: unknown): unknown => structuredClone(value)
