import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type LiveRow, liveTable } from './live-table.ts'
import { textWidth } from './text.ts'

const plain = (text: string): string => text
const rows: readonly LiveRow[] = [
  {
    name: 'collect-flights',
    recordsPerSecond: 1_234.5,
    history: [0, 10, 20],
    records: 27_004,
    watermark: '2013-01-02 13:56',
    badRecords: 8,
  },
  { name: 'departures-enriched', recordsPerSecond: 0.25, history: [], records: 0, watermark: '' },
  {
    name: 'flights',
    recordsPerSecond: 98_765_432,
    history: [5],
    records: 1_234_567_890,
    watermark: '2013-01-02 12:00',
    lateRecords: 123_456,
    badRecords: 0,
  },
]
const table = (columns: number): string[] => liveTable(rows, { columns, dim: plain, warn: plain })

describe('the table of the live view', () => {
  test('is never wider than the terminal, and its columns stand below each other', () => {
    for (let columns = 55; columns <= 200; columns++) {
      const [head = '', ...lines] = table(columns)
      for (const line of [head, ...lines]) assert.ok(textWidth(line) <= columns, `${columns}: "${line}"`)
      const end = head.indexOf('records/s') + 'records/s'.length
      for (const line of lines) assert.match(line.slice(0, end), /[\dkMG]$/, `${columns}: "${line}"`)
      assert.equal(lines[0]!.indexOf('2013-01-02 13:56'), head.indexOf('watermark'))
    }
  })

  test('leaves out bars, then counts, then cuts names', () => {
    assert.match(table(80)[1]!, /^ {2}collect-flights +1,235 {2}▁▄█ +27,004 {2}2013-01-02 13:56 +8$/)
    assert.doesNotMatch(table(74)[1]!, /█/)
    assert.match(table(74)[1]!, /27,004/)
    assert.doesNotMatch(table(68)[1]!, /27,004/)
    assert.match(table(60)[2]!, /^ {2}departures-enric…/)
  })

  test('warns of late and bad records, not of none', () => {
    const warned: string[] = []
    const warn = (text: string): string => {
      warned.push(text.trim())
      return text
    }
    liveTable(rows, { columns: 100, dim: plain, warn })
    assert.deepEqual(warned, ['8', '123k'])
  })
})
