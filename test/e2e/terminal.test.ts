/** What `millrace dev` shows and which keys it takes, on a terminal and where there is none. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, describe, it } from 'node:test'
import { until, within } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { type FlightsProcess, interrupt, startFlights, untilReady } from './flights.ts'
import { skipWithoutTerminal, startOnTerminal, type TerminalProcess } from './terminal.ts'

const { clock } = nodePlatform()
const directory = mkdtempSync(join(tmpdir(), 'millrace-terminal-'))
const started: FlightsProcess[] = []

after(() => rmSync(directory, { recursive: true, force: true }))
// Only what a failed test has left.
afterEach(async () => {
  for (const run of started.splice(0)) {
    if (run.child.exitCode === null && run.child.signalCode === null) await interrupt(run)
  }
})

const soon = (what: string, holds: () => boolean): Promise<void> =>
  until(clock, holds, { what, timeoutMs: 20_000, intervalMs: 20 })

const endOf = (run: FlightsProcess): Promise<number | string> =>
  within(clock, 15_000, 'the end of the demo', run.ended)

function open(name: string, size: { columns: number; rows: number }, speed = '30000'): TerminalProcess {
  const run = startOnTerminal(join(directory, name), ['--speed', speed], size)
  started.push(run)
  return run
}

interface Row {
  readonly rate: string
  readonly records: number
  readonly watermark: string
  readonly line: string
}

const amount = (text: string): number => Number(text.replaceAll(',', ''))

/** A line of the live view; undefined while it is not there. */
function rowOf(screen: readonly string[], name: string): Row | undefined {
  const line = screen.find((text) => text.startsWith(`  ${name} `) && !text.includes(' up '))
  const match = /^ {2}\S+ +([\d,.]+) {2}[▁-█ ]*? *([\d,]+)(?: {2}(\d{4}-\d\d-\d\d \d\d:\d\d))?/.exec(
    line ?? '',
  )
  if (line === undefined || match === null) return undefined
  return { rate: match[1]!, records: amount(match[2]!), watermark: match[3] ?? '', line }
}

const parts = ['broker', 'page', 'topics', 'pipeline', 'delivery', 'agent']

describe('the demo on a terminal', { skip: skipWithoutTerminal }, () => {
  for (const size of [
    { columns: 80, rows: 24 },
    { columns: 120, rows: 40 },
  ]) {
    it(`shows each part with its time, then what moves, in ${size.columns} by ${size.rows}`, async () => {
      const run = open(`looks-${size.columns}`, size)
      const row = (name: string): Row | undefined => rowOf(run.screen(), name)
      await soon('records of the pipeline', () => (row('flights')?.records ?? 0) > 500)
      await soon('a delivery', () => (row('results')?.watermark ?? '') !== '')
      const screen = run.screen()
      const ups = screen.filter((line) => line.startsWith('  up  '))
      assert.deepEqual(
        ups.map((line) => line.split(/ +/)[2]),
        parts,
      )
      for (const line of ups) assert.match(line, / {1,}\d[\d.]* (ms|s)$/, 'a part says how long it took')
      assert.equal(
        new Set(ups.map((line) => line.length)).size,
        1,
        `the times stand below each other:\n${ups.join('\n')}`,
      )
      assert.match(screen.join('\n'), /\n {2}millrace \d+\.\d+\.\d+ {3}flights {3}ready in \d/)

      const head = screen.find((line) => line.includes('records/s'))
      assert.match(head ?? '', /records\/s +records {2}watermark +late {3}bad$/)
      for (const line of screen)
        assert.ok(line.length <= size.columns, `"${line}" is wider than the terminal`)
      const shown = screen.slice(screen.indexOf(head!))
      assert.ok(shown.length <= size.rows, `${shown.length} lines are redrawn`)
      assert.equal(screen.filter((line) => line === head).length, 1, 'the head is drawn once, in place')

      const before = { source: row('collect-flights')!, flights: row('flights')!, results: row('results')! }
      assert.match(before.source.line, / 8$/, 'the planted rows that cannot be read are counted')
      assert.match(before.flights.line, / 0 +0$/, 'no record is late, none bad')
      assert.match(before.source.watermark, /^2013-01-\d\d /)
      assert.match(screen.at(-2) ?? '', /^ {2}q quit {3}page http:\/\/127\.0\.0\.1:\d+ {3}data \//)
      await soon('more records', () => row('flights')!.records > before.flights.records)
      await soon('a later watermark', () => row('flights')!.watermark > before.flights.watermark)
      await soon('another rate', () => row('flights')!.rate !== before.flights.rate)

      run.press('q')
      assert.equal(await endOf(run), 0, 'q ends it with status 0')
    })
  }

  it('stops with q, says where the data is, and goes on there at the next start', async () => {
    const run = open('again', { columns: 100, rows: 30 }, '300000')
    await soon('the second day', () => (rowOf(run.screen(), 'flights')?.watermark ?? '') >= '2013-01-02')
    const marks: string[] = []
    const keep = (of: TerminalProcess): void => void marks.push(rowOf(of.screen(), 'flights')!.watermark)
    keep(run)
    // A key that means nothing, and the same key again: neither is shown and neither stops it.
    run.press('x')
    run.press('q')
    run.press('q')
    assert.equal(await endOf(run), 0)
    const left = run.screen()
    assert.match(left.join('\n'), /stopped {3}data in \/\S+: the next start goes on from here\n/)
    assert.ok(!left.some((line) => line.startsWith('  q quit')), 'the keys are gone')
    assert.ok(!left.some((line) => /^[xq]+$/.test(line)), 'keys are not shown')

    const second = open('again', { columns: 100, rows: 30 }, '300000')
    await soon('a watermark', () => (rowOf(second.screen(), 'flights')?.watermark ?? '') !== '')
    keep(second)
    const [first = '', next = ''] = marks
    assert.ok(first >= '2013-01-02', first)
    assert.ok(next >= first, `it went on at ${next}, after ${first}`)
    second.press('\u0003')
    assert.equal(await endOf(second), 130, 'Ctrl-C ends it with status 130')
    assert.match(second.screen().join('\n'), /stopped {3}data in/)
  })
})

describe('the demo where there is no terminal', () => {
  it('writes plain lines, none of them twice, and takes no keys', async () => {
    const run = startFlights(join(directory, 'piped'), ['--speed', '30000'])
    started.push(run)
    await untilReady(run)
    await soon('a line of figures', () => /\n {2}collect-flights \d/.test(run.output()))
    assert.equal(await interrupt(run), 130)
    const text = run.output()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f]/, 'nothing that acts on a terminal')
    for (const part of parts) {
      assert.equal(text.split('\n').filter((line) => line.startsWith(`  up  ${part}`)).length, 1, part)
    }
    const figures = text.split('\n').find((line) => line.startsWith('  collect-flights '))
    assert.match(
      figures ?? '',
      /^ {2}collect-flights [\d,]+ \([\d,.]+\/s\) at 2013-01-\d\d \d\d:\d\d bad 8 · flights [\d,]+ \([\d,.]+\/s\)/,
    )
    assert.doesNotMatch(text, /q quit/)
    assert.match(text, /\n {2}stopped {3}data in \/\S+: the next start goes on from here\n$/)
  })
})
