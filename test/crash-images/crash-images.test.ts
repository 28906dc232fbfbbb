/**
 * Crash images of recorded lives: nothing that was acknowledged under `flush: group` is lost, whatever of the
 * unsynced is left. `npm run sim -- crash-images --images 1000` tries more.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import type { DiskOperation } from '../../src/platform/simulated/disk-operation.ts'
import { type ImagesOptions, tryImages } from './images.ts'
import { DATA } from './recorded-life.ts'

const IMAGES = 75

const plants: Readonly<Record<string, Pick<ImagesOptions, 'plant' | 'plantOperation'>>> = {
  'files that are not synced': {
    plantOperation: (operation: DiskOperation) =>
      operation.kind === 'sync' ? { ...operation, through: -1 } : operation,
  },
  'names that are not synced': {
    plantOperation: (operation: DiskOperation) =>
      operation.kind === 'syncDirectory' ? { kind: 'sync', file: 1, through: -1 } : operation,
  },
  'a last segment that is one byte short': {
    plant: (disk: SimulatedDisk) => {
      const folder = `${DATA}/kept-0`
      const last = disk.list(folder).findLast(({ name }) => name.endsWith('.log'))
      if (last === undefined || disk.stat(`${folder}/${last.name}`).sizeBytes === 0) return
      const file = disk.open(`${folder}/${last.name}`, 'write')
      file.truncate(file.size() - 1)
      file.close()
    },
  },
  'a snapshot of producers that is gone, with the records before it': {
    plant: (disk: SimulatedDisk) => {
      const folder = `${DATA}/deleted-0`
      for (const { name } of disk.list(folder))
        if (name.endsWith('.snapshot')) disk.remove(`${folder}/${name}`)
    },
  },
}

describe('crash images', () => {
  it(`hold every record that was acknowledged (${IMAGES} per mode)`, async (test) => {
    const lines: string[] = []
    const outcome = await tryImages({ images: IMAGES, print: (line) => lines.push(line) })
    test.diagnostic(lines.at(-1)!)
    assert.deepEqual(outcome.failures, [], lines.join('\n'))
    assert.deepEqual(outcome.images, { process: IMAGES, power: IMAGES, names: IMAGES })
    assert.ok(outcome.records > 1000 && outcome.expected > 50_000)
  })

  for (const [what, plant] of Object.entries(plants)) {
    it(`show ${what}`, async () => {
      const outcome = await tryImages({ images: 25, print: () => {}, ...plant })
      assert.ok(outcome.failures.length > 0)
    })
  }
})
