/**
 * Crash images: the disk of a recorded life as a crash after any of its operations would leave it, in three modes,
 * each opened and held against what was known at that moment.
 *
 * - process: everything written survives;
 * - power: what was synced survives, of later writes some, torn; names change in their order up to some moment;
 * - names: each change of a name that was not synced survives or not, for itself; of the bytes all, or the synced ones.
 */
import { messageOf } from '../../src/core/errors.ts'
import { batchOf } from '../../src/log/log-fixture.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { joinPath } from '../../src/platform/disk.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import type { DiskOperation } from '../../src/platform/simulated/disk-operation.ts'
import { simulatedRandom } from '../../src/platform/simulated/random.ts'
import { Anomaly, expect } from '../simulation/log/anomaly.ts'
import { checkContents, recovered } from '../simulation/log/contents-check.ts'
import { checkIndexes, checkTail, crashedTail } from '../simulation/log/disk-check.ts'
import type { PartitionModel } from '../simulation/log/partition-model.ts'
import { DATA, openDirectory, type RecordedLife, recordLife, topics } from './recorded-life.ts'

export const imageModes = ['process', 'power', 'names'] as const
export type ImageMode = (typeof imageModes)[number]

/** One image, as it is named in a failure. */
export interface ImageName {
  readonly life: number
  readonly mode: ImageMode
  readonly number: number
}

export interface ImagesOptions {
  /** Images per mode. */
  readonly images: number
  /** So many of them are taken from one life. */
  readonly imagesPerLife?: number
  readonly steps?: number
  /** Only this life. */
  readonly life?: number
  readonly print: (line: string) => void
  /** For the proof that the check sees something: changes the image before it is opened. */
  readonly plant?: (disk: SimulatedDisk) => void
  /** The same: changes what happened to the disk. */
  readonly plantOperation?: (operation: DiskOperation) => DiskOperation
}

export interface ImagesOutcome {
  readonly images: Readonly<Record<ImageMode, number>>
  readonly lives: number
  /** Acknowledged records in all lives, and those that had to be found in all images. */
  readonly records: number
  readonly expected: number
  readonly failures: readonly string[]
}

export async function tryImages(options: ImagesOptions): Promise<ImagesOutcome> {
  const { images, imagesPerLife = 25, steps = 500, print } = options
  const counts = { process: 0, power: 0, names: 0 }
  const failures: string[] = []
  let records = 0
  let expected = 0
  const lives = Math.ceil(images / imagesPerLife)
  for (let life = options.life ?? 0; life < (options.life === undefined ? lives : options.life + 1); life++) {
    const recorded = await recordLife({ seed: `crash images ${life}`, steps })
    records += recorded.records
    const { operations } = recorded.disk
    const { plantOperation } = options
    if (plantOperation !== undefined)
      operations.splice(0, operations.length, ...operations.map(plantOperation))
    for (const mode of imageModes) {
      for (let number = 0; number < imagesPerLife && counts[mode] < images; number++) {
        counts[mode]++
        try {
          expected += await tryImage(recorded, { life, mode, number }, options)
        } catch (error) {
          failures.push(`image ${number} of mode ${mode} of life ${life}: ${messageOf(error)}`)
          print(`${failures.at(-1)}\n  npm run sim -- crash-images --life ${life}`)
        }
      }
    }
  }
  const { process, power, names } = counts
  print(
    `${process} + ${power} + ${names} images (process, power, names) of ${lives} lives, ${records} records acknowledged, ${expected} looked for: ${failures.length} failures`,
  )
  return { images: counts, lives, records, expected, failures }
}

/** Opens an image and checks it. Returns how many records had to be there. */
async function tryImage(recorded: RecordedLife, name: ImageName, options: ImagesOptions): Promise<number> {
  const { simulation, disk, firstOperation, knowledge } = recorded
  const random = simulatedRandom(`image ${name.life} ${name.mode} ${name.number}`)
  const operations = random.within([firstOperation, disk.operations.length])
  const image = disk.replay(operations)
  if (name.mode === 'process') image.crash('process')
  else image.crash('power', random, name.mode === 'power' ? 'ordered names' : 'any names')
  options.plant?.(image)
  const tails = topics.map((topic) => crashedTail(image, folderOf(topic.name)))
  const platform = { disk: image, random, clock: simulation.clock }
  const directory = await simulation.runUntil(openDirectory(platform))
  const [failed] = directory.failures
  if (failed !== undefined) throw new Anomaly('false-alarm', messageOf(failed.error), failed.error)
  let expected = 0
  for (const [index, record] of knowledge.entries()) {
    const model = record.at(operations)
    const log = directory.get(record.topic, 0)
    expect(log !== undefined, 'lost-write', () => `the folder of ${record.topic} is gone`)
    expect(log.fault === undefined, 'false-alarm', () => `${record.topic}: ${log.fault?.message}`)
    expected += name.mode === 'process' ? model.end : model.promisedEnd
    checkTail(tails[index], Math.max(log.endOffset, log.logStartOffset), record.topic)
    const crash = name.mode === 'process' ? 'process' : 'power'
    const foundEnd = tails[index]?.endOffset ?? Number.POSITIVE_INFINITY
    recovered(log, model, { crash, foundEnd })
    checkStart(log, model)
    checkContents(log, model, random)
    checkIndexes(image, folderOf(record.topic), model, log)
    await simulation.runUntil(goOn(log))
  }
  await simulation.runUntil(directory.close())
  return expected
}

const folderOf = (topic: string): string => joinPath(DATA, `${topic}-0`)

/** Nothing that is deleted is back, and only retention has taken more. */
function checkStart(log: PartitionLog, model: PartitionModel): void {
  const { logStartOffset, topic } = log
  expect(logStartOffset >= model.start, 'resurrected-records', () => {
    return `${topic} begins at ${logStartOffset}, deleted was up to ${model.start}`
  })
  const limit = log.config['cleanup.policy'].includes('delete')
    ? model.end
    : Math.max(model.start, model.pendingStart)
  expect(
    logStartOffset <= limit,
    'early-deletion',
    () => `${topic} begins at ${logStartOffset}, ${limit} at most`,
  )
}

/** The log takes a record, for good. */
async function goOn(log: PartitionLog): Promise<void> {
  const nowMs = 1_767_225_600_000
  const { endOffset } = log
  const { baseOffset } = log.append(batchOf([{ key: 'k', value: 'after', timestampMs: nowMs }]), {
    origin: 'client',
    nowMs,
  })
  expect(
    baseOffset === endOffset,
    'wedged',
    () => `${log.topic}: a record got ${baseOffset}, not ${endOffset}`,
  )
  await log.flushed(baseOffset)
  expect(log.highWatermark === endOffset + 1, 'wedged', () => `${log.topic}: the record is not shown`)
}
