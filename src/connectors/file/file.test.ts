/** The conformance suite of sinks, with files on a simulated disk that loses what was not synced. */
import assert from 'node:assert/strict'
import { conformanceRecord, type SinkWorld, sinkConformance } from '../../connector/conformance/sink.ts'
import { watchDisk } from '../../connector/conformance/watched-disk.ts'
import type { StoredRecord } from '../../core/record.ts'
import { type Disk, joinPath, readFile } from '../../platform/disk.ts'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { hostileNames } from './hostile-names.ts'
import { fileSink } from './index.ts'

export function filesBelow(disk: Disk, directory: string): string[] {
  return disk.list(directory).flatMap((entry) => {
    const path = joinPath(directory, entry.name)
    return entry.directory ? filesBelow(disk, path) : [path]
  })
}

function deliveredValues(disk: Disk, directory: string): string[] {
  const files = filesBelow(disk, directory).filter((path) => path.endsWith('.jsonl'))
  const lines = files.flatMap((path) => readFile(disk, path).toString('utf8').split('\n').slice(0, -1))
  return lines.map((line) => (JSON.parse(line) as { value: string }).value)
}

function makeWorld(seed: number, options: Omit<Parameters<typeof fileSink>[0], 'directory'>): SinkWorld {
  const simulation = simulatedPlatform({ seed })
  const host = simulation.host('local')
  let platform = host.platform
  let watched = watchDisk(platform.disk)
  let fault = Number.POSITIVE_INFINITY
  simulation.disk.makeDirectory('/srv')
  host.disk.syncDirectory('/')
  return {
    sink: fileSink({ directory: 'out', ...options }),
    baseDirectory: '/srv',
    platform: () => ({ ...platform, disk: watched.disk }),
    run: (promise) => simulation.runUntil(promise),
    delivered: () => deliveredValues(host.disk, '/srv/out'),
    openHandles: () => watched.openFiles(),
    crash(ending) {
      host.crash(ending)
      platform = host.start()
      watched = watchDisk(platform.disk)
      watched.failAt(fault)
    },
    failAt(nth) {
      fault = nth
      watched.failAt(nth)
    },
    poison: (record) => ({ ...record, timestampMs: Number.MAX_SAFE_INTEGER }),
    hostile() {
      const records = hostileNames.flatMap((name, index): StoredRecord[] => {
        const record = conformanceRecord(index)
        const value = typeof name === 'string' ? Buffer.from(name) : name
        return [{ ...record, headers: [{ key: 'place', value }] }]
      })
      return {
        records,
        check() {
          const all = filesBelow(host.disk, '/')
          assert.deepEqual(
            all.filter((path) => !path.startsWith('/srv/out/')),
            [],
          )
          const written = all.filter((path) => path.endsWith('.jsonl'))
          for (const path of written)
            assert.match(path, /^\/srv\/out\/[A-Za-z0-9_%~-][A-Za-z0-9_.%~-]*\/[0-9]{2}\.jsonl$/)
          assert.ok(written.length > 150, `${written.length} names`)
        },
      }
    },
  }
}

sinkConformance({
  name: 'file, one file',
  make: (seed) => makeWorld(seed, { path: 'all.jsonl' }),
  waivers: { 'hostile names stay inside': 'the path has no names' },
})
sinkConformance({
  name: 'file, a directory per header',
  make: (seed) => makeWorld(seed, { path: '%{place}/%H.jsonl', openFilesMax: 3 }),
})
sinkConformance({
  name: 'file, many small files and no buffer',
  make: (seed) => makeWorld(seed, { path: '%{topic}/%t.jsonl', openFilesMax: 2, bufferBytes: 0 }),
  waivers: { 'hostile names stay inside': 'the path has no headers' },
})
