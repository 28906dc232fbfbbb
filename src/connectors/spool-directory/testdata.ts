/** A spooled directory on a simulated disk, for tests. */
import { watchDisk } from '../../connector/conformance/watched-disk.ts'
import {
  type FailedEvent,
  isFailedEvent,
  type OpenSource,
  type Source,
  type SourceBatch,
  type SourceEvent,
} from '../../connector/index.ts'
import { silentLogger } from '../../core/logger.ts'
import { directoryOf, joinPath } from '../../platform/disk.ts'
import type { Platform } from '../../platform/platform.ts'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { spoolDirectory } from './index.ts'

export type SpoolInputs = Omit<Parameters<typeof spoolDirectory>[0], 'directory'>

export class SpoolWorld {
  readonly simulation = simulatedPlatform({ seed: 1 })
  readonly watched = watchDisk(this.simulation.disk)
  readonly platform: Platform = {
    clock: this.simulation.clock,
    random: this.simulation.random,
    net: this.simulation.net,
    disk: this.watched.disk,
  }
  readonly directory = '/spool'

  constructor() {
    this.simulation.disk.makeDirectory(this.directory)
  }

  write(name: string, content: string | Uint8Array): void {
    const { disk } = this.simulation
    const path = joinPath(this.directory, name)
    disk.makeDirectory(directoryOf(path))
    if (disk.exists(path)) disk.remove(path)
    const file = disk.open(path, 'new')
    const bytes = Buffer.from(content)
    file.write(bytes, 0, bytes.length, 0)
    file.close()
  }

  append(name: string, content: string): void {
    const file = this.simulation.disk.open(joinPath(this.directory, name), 'write')
    const bytes = Buffer.from(content)
    file.write(bytes, 0, bytes.length, file.size())
    file.close()
  }

  /** Lets all files be older than the poll delay. */
  settle(): Promise<void> {
    return this.simulation.advance(1000)
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.simulation.runUntil(promise)
  }

  open(options: SpoolInputs = {}, more: Partial<OpenSource> = {}): Promise<Source> {
    const source = spoolDirectory({ directory: this.directory, ...options })
    const { signal } = new AbortController()
    const surroundings = { name: 'test', platform: this.platform, baseDirectory: '/', logger: silentLogger }
    return this.run(source.open({ ...surroundings, signal, ...more }))
  }

  async readAll(source: Source): Promise<SourceBatch[]> {
    const batches: SourceBatch[] = []
    for (;;) {
      const batch = await this.run(source.read())
      if (typeof batch === 'string') return batches
      batches.push(batch)
    }
  }

  /** The events of all files that are there. */
  async events(options: SpoolInputs = {}): Promise<(SourceEvent | FailedEvent)[]> {
    await this.settle()
    const source = await this.open(options)
    const batches = await this.readAll(source)
    await source.close()
    return batches.flatMap((batch) => batch.events)
  }
}

/** Line and body, or line and error, of events. */
export function outline(events: readonly (SourceEvent | FailedEvent)[]): unknown[] {
  return events.map((event) => {
    if (isFailedEvent(event)) return [event.origin.line, event.failed.message]
    return [event.origin?.line, event.body]
  })
}
