/** The example "hedwig" as a user runs it: a generated day of clicks, to its end, and the files that it leaves. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, describe, it } from 'node:test'
import { byStart, expectedOf } from '../../examples/hedwig/expected.ts'
import { generateClicks } from '../../examples/hedwig/generate.ts'
import type { Session } from '../../examples/hedwig/pipeline.ts'
import type { Click } from '../../examples/hedwig/schema.ts'
import { endChildren, exitOf, start } from '../cli/child.ts'

const RUN_TIMEOUT_MS = 120_000

const directory = mkdtempSync(join(tmpdir(), 'millrace-hedwig-'))
after(() => {
  endChildren()
  rmSync(directory, { recursive: true, force: true })
})

async function runOnce(): Promise<void> {
  const config = 'examples/hedwig/millrace.config.ts'
  const places = ['--data', directory, '--port', '0', '--console-port', '0']
  const { status, out, err } = await exitOf(start(['dev', config, ...places, '--once']), RUN_TIMEOUT_MS)
  assert.equal(status, 0, `${out}${err}`)
}

interface Line<T> {
  /** `2024-05-06/23.jsonl` */
  readonly file: string
  readonly text: string
  readonly value: T
}

/** All lines of the files of a topic. */
function linesOf<T>(topic: string): Line<T>[] {
  const files = join(directory, 'out', topic)
  return readdirSync(files, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name.endsWith('.jsonl'))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .flatMap((path) => {
      const texts = readFileSync(path, 'utf8').split('\n').slice(0, -1)
      return texts.map((text) => ({ file: relative(files, path), text, value: JSON.parse(text) as T }))
    })
}

/** The file of an hour. */
function fileAt(timeMs: number): string {
  const [day, time] = new Date(timeMs).toISOString().split('T')
  return `${day}/${time!.slice(0, 2)}.jsonl`
}

const whenClicked = (a: Click, b: Click): number =>
  a.receivedMs - b.receivedMs || (a.visitor < b.visitor ? -1 : 1)

describe('the example "hedwig", run to the end of its clicks', () => {
  it('delivers each session, the frauds and the late clicks to the files of their hours', async () => {
    await runOnce()
    const clicks = generateClicks({ seed: 1, visitors: 400 })
    const expected = expectedOf(clicks.filter((click): click is Click => 'atMs' in click))
    for (const [topic, rows] of [
      ['sessions', expected.sessions],
      ['fraud-sessions', expected.frauds],
    ] as const) {
      const lines = linesOf<Session>(topic).toSorted((a, b) => byStart(a.value, b.value))
      assert.equal(lines.length, rows.length, topic)
      for (const [at, { file, value }] of lines.entries()) {
        assert.deepEqual(value, rows[at], `${topic}, row ${at}`)
        assert.equal(file, fileAt(value.endMs))
      }
    }
    const late = linesOf<Click>('late-clicks').toSorted((a, b) => whenClicked(a.value, b.value))
    assert.equal(late.length, expected.late.length)
    const lateInOrder = expected.late.toSorted(whenClicked)
    for (const [at, { value }] of late.entries()) assert.deepEqual(value, lateInOrder[at], `late, row ${at}`)
  })

  it('finds nothing more to do when it is run again', async () => {
    const before = linesOf('').map(({ file, text }) => `${file} ${text}`)
    await runOnce()
    const now = linesOf('').map(({ file, text }) => `${file} ${text}`)
    assert.equal(now.length, before.length)
    assert.ok(now.every((line, at) => line === before[at]))
  })
})
