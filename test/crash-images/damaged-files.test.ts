/**
 * Every file of a data directory, after a clean end and after none: missing, cut at every sixteenth, one bit changed,
 * of another version. A start says what happened, gives no wrong record, and loses nothing that it need not.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { type Damage, damagesOf, filesOf, type Outcome, outcomeOf } from './damaged-files.ts'
import { type RecordedLife, recordLife, topics } from './recorded-life.ts'

const FLIPS = Number(process.env['MILLRACE_FLIPS'] ?? 3)

interface Difference {
  /** Records of partitions that the file does not belong to. */
  readonly lostElsewhere: number
  readonly lost: number
  readonly wrong: number
  readonly more: number
  readonly sameView: boolean
}

function difference(before: Outcome, after: Outcome, path: string): Difference {
  const counts = { lost: 0, lostElsewhere: 0, wrong: 0, more: 0 }
  for (const { name } of topics) {
    const expected = before.records.get(name)!
    const found = after.records.get(name) ?? new Map<number, string>()
    for (const [offset, text] of expected) {
      const other = found.get(offset)
      if (other !== undefined && other !== text) counts.wrong++
      if (other !== undefined) continue
      counts.lost++
      if (!path.includes(`/${name}-0/`)) counts.lostElsewhere++
    }
    for (const offset of found.keys()) if (!expected.has(offset)) counts.more++
  }
  const sameView = [...before.view].every(([name, view]) => after.view.get(name) === view)
  return { ...counts, sameView }
}

/** What may happen to a file; everything else must be as if nothing had. */
interface Rule {
  readonly of: RegExp
  /** Start refuses the directory, or the partition, by the file's name; its records are as they were on the disk. */
  readonly refused?: true
  /** Records may be missing, and are named with the file; or a tail is cut, when nothing says that it was synced. */
  readonly mayLose?: true
  /** Deleted records may be there again. */
  readonly mayRevive?: true
  /** Nothing need be said: the file is not read, or what it says is checked against other files. */
  readonly silent?: true
}

const rules: readonly Rule[] = [
  { of: /\.log$/, mayLose: true },
  // Made anew without a look after an unclean end, and by whoever reads the segment otherwise.
  { of: /\.(index|timeindex|txnindex)$/, silent: true },
  // Read when it is needed; of several, one is.
  { of: /\.snapshot$/, silent: true },
  { of: /\.deleted$/, silent: true },
  { of: /\.kafka_cleanshutdown$/, silent: true },
  { of: /cleaner-offset-checkpoint$/, silent: true },
  { of: /log-start-offset-checkpoint$/, mayRevive: true },
  { of: /recovery-point-offset-checkpoint$/ },
  { of: /leader-epoch-checkpoint$/ },
  { of: /segment-checkpoint$/ },
  { of: /meta\.properties$/, refused: true },
  { of: /partition\.metadata$/, refused: true },
]

/** A changed bit that no checksum covers: in the id of a topic, whose format is Kafka’s, or in a comment. */
const uncovered = /(partition\.metadata|meta\.properties): bit/

function check(
  before: Outcome,
  after: Outcome,
  damaged: { readonly path: string; readonly damage: Damage },
): void {
  const { path, damage } = damaged
  const where = `${path}: ${damage.what}\n${after.said}`
  const rule = rules.find(({ of }) => of.test(path))
  assert.ok(rule !== undefined, `a rule for ${path}`)
  const { lost, lostElsewhere, wrong, more, sameView } = difference(before, after, path)
  assert.equal(wrong, 0, `no wrong record: ${where}`)
  if (after.refused !== undefined) {
    assert.ok(rule.refused && after.refused.includes(path), `refused by name: ${where}`)
    return
  }
  assert.equal(lostElsewhere, 0, `no other partition is touched: ${where}`)
  if (rule.mayRevive) {
    assert.equal(lost, 0, where)
  } else assert.equal(more, 0, `nothing deleted is back: ${where}`)
  const named = [...after.faults.values()].some((fault) => fault.includes(path.replace(/\.\w+$/, '')))
  if (rule.refused && after.faults.size > 0) assert.ok(named, `the file is named: ${where}`)
  else if (rule.mayLose) {
    // Without a fault only the end of the log may be gone, and only when it was not closed.
    if (after.faults.size === 0 && lost > 0) assert.match(damage.what, /^(cut|missing)/, where)
  } else {
    assert.equal(lost, 0, `nothing is lost: ${where}`)
    if (!rule.mayRevive) assert.ok(sameView, `all is as before: ${where}`)
  }
  const silent = rule.silent || uncovered.test(`${path}: ${damage.what}`) || (rule.mayLose && lost === 0)
  const endIsGone = rule.mayLose && /cut|missing/.test(damage.what) && after.faults.size === 0
  if (!silent && !endIsGone) assert.notEqual(after.said, '', `start says something: ${where}`)
}

for (const close of [true, false]) {
  describe(`a damaged file after ${close ? 'a clean' : 'no'} shutdown`, () => {
    const files = new Map<string, { files: number; damages: number; said: number; refused: number }>()
    let life: RecordedLife
    let before: Outcome
    const copy = (): SimulatedDisk => {
      const disk = life.disk.replay(life.disk.operations.length)
      disk.crash('process')
      return disk
    }

    it('nothing is said, and everything is there, when no file is damaged', async () => {
      life = await recordLife({ seed: 'damaged files', steps: 260, close })
      before = await outcomeOf(life, copy())
      assert.deepEqual([before.said, before.refused, before.faults.size], ['', undefined, 0])
      assert.ok([...before.records.values()].every(({ size }) => size > 40))
    })

    for (const { of } of rules) {
      it(`${of.source}`, async () => {
        for (const path of filesOf(copy()).filter(
          (file) => rules.find((rule) => rule.of.test(file))?.of === of,
        )) {
          const counts = files.get(of.source) ?? { files: 0, damages: 0, said: 0, refused: 0 }
          files.set(of.source, counts)
          counts.files++
          for (const damage of damagesOf(copy(), path, FLIPS)) {
            const disk = copy()
            damage.apply(disk)
            const after = await outcomeOf(life, disk)
            check(before, after, { path, damage })
            counts.damages++
            if (after.said !== '') counts.said++
            if (after.refused !== undefined || after.faults.size > 0) counts.refused++
          }
        }
      })
    }

    it('every kind of file was met', (test) => {
      for (const [file, { files: count, damages, said, refused }] of files) {
        test.diagnostic(
          `${file}: ${count} files, ${damages} damages, ${said} named, ${refused} refused or read-only`,
        )
      }
      // Only a clean end leaves its marker, and only the other one files that were still to be removed.
      assert.equal(files.size, rules.length - 1, [...files.keys()].join())
    })
  })
}

describe('a bad batch in the middle of a log', () => {
  it('is reported with file and position, can be read around, and makes the partition read-only', async () => {
    for (const close of [true, false]) {
      const life = await recordLife({ seed: 'damaged files', steps: 260, close })
      const disk = life.disk.replay(life.disk.operations.length)
      disk.crash('process')
      const before = await outcomeOf(life, life.disk.replay(life.disk.operations.length))
      const path = filesOf(disk).findLast((file) => file.includes('/compacted-0/') && file.endsWith('.log'))!
      const { sizeBytes } = disk.stat(path)
      disk.flipBit(path, (sizeBytes >> 1) * 8)
      const after = await outcomeOf(life, disk)
      const fault = after.faults.get('compacted')
      assert.match(fault ?? '', new RegExp(`from byte \\d+ to \\d+: offsets \\d+ to \\d+ ${path}:\\d+$`))
      const { lost, wrong, lostElsewhere } = difference(before, after, path)
      assert.deepEqual([wrong, lostElsewhere], [0, 0])
      assert.ok(lost > 0 && lost <= 4, `${lost} records of one batch`)
    }
  })
})
