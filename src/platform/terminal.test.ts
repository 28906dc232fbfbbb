/** Rules of colour, cutting into lines, and the terminal in memory. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { colorDepth } from './color-depth.ts'
import { SimulatedExit, simulatedProcess } from './simulated/process.ts'
import { simulatedTerminal } from './simulated/terminal.ts'
import { linesOf } from './terminal.ts'

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const collected: string[] = []
  for await (const line of lines) collected.push(line)
  return collected
}

describe('the colour of a stream', () => {
  const xterm = { TERM: 'xterm-256color' }
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, boolean, number])[] = [
    ['nothing set, not a terminal', {}, false, 0],
    ['a plain terminal', { TERM: 'xterm' }, true, 4],
    ['a terminal of 256 colours', xterm, true, 8],
    ['a terminal of all colours', { ...xterm, COLORTERM: 'truecolor' }, true, 24],
    ['a dumb terminal', { TERM: 'dumb' }, true, 0],
    ['NO_COLOR on a terminal', { ...xterm, NO_COLOR: '1' }, true, 0],
    ['NO_COLOR that is 0', { ...xterm, NO_COLOR: '0' }, true, 8],
    ['an empty NO_COLOR', { ...xterm, NO_COLOR: '' }, true, 8],
    ['FORCE_COLOR into a file', { FORCE_COLOR: '1' }, false, 4],
    ['an empty FORCE_COLOR', { FORCE_COLOR: '' }, false, 4],
    ['FORCE_COLOR=2', { FORCE_COLOR: '2' }, false, 8],
    ['FORCE_COLOR=3 before NO_COLOR', { FORCE_COLOR: '3', NO_COLOR: '1' }, false, 24],
    ['FORCE_COLOR=0 on a terminal', { ...xterm, FORCE_COLOR: '0' }, true, 0],
    ['CLICOLOR_FORCE into a file', { CLICOLOR_FORCE: '1' }, false, 4],
    ['CLICOLOR_FORCE with a dumb terminal', { CLICOLOR_FORCE: '1', TERM: 'dumb' }, true, 4],
    ['CLICOLOR_FORCE that is 0', { CLICOLOR_FORCE: '0' }, false, 0],
    ['NO_COLOR before CLICOLOR_FORCE', { CLICOLOR_FORCE: '1', NO_COLOR: '1' }, true, 0],
  ]
  for (const [name, env, isTerminal, depth] of cases) {
    it(`is ${depth} bits with ${name}`, () => {
      assert.equal(
        colorDepth((variable) => env[variable], isTerminal),
        depth,
      )
    })
  }
})

describe('lines', () => {
  it('are the same wherever the bytes are cut', async () => {
    const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n\ufeff]/g, '.'))
    const property = fc.asyncProperty(
      fc.array(line),
      fc.array(fc.nat(7)),
      fc.boolean(),
      async (lines, cuts, crlf) => {
        const bytes = Buffer.from(lines.map((text) => text + (crlf ? '\r\n' : '\n')).join(''))
        const chunks = async function* (): AsyncGenerator<Buffer> {
          let at = 0
          for (const cut of cuts) {
            yield bytes.subarray(at, at + cut)
            at += cut
          }
          yield bytes.subarray(at)
        }
        assert.deepEqual(await all(linesOf(chunks())), lines)
      },
    )
    await fc.assert(property)
  })
  it('count a last one without an end, but nothing after the last end', async () => {
    const read = (input: string): Promise<string[]> => all(simulatedTerminal({ input }).input.lines())
    assert.deepEqual(await read('a\n\nb'), ['a', '', 'b'])
    assert.deepEqual(await read('a\n'), ['a'])
    assert.deepEqual(await read('a\r'), ['a'])
    assert.deepEqual(await read(''), [])
  })
})

describe('the terminal and the process in memory', () => {
  it('keep what was written, and hand over keys, sizes and signals', () => {
    const terminal = simulatedTerminal({ isTerminal: true, columns: 100 })
    terminal.out.write('a')
    terminal.out.write(Buffer.from('b'))
    assert.equal(terminal.out.text, 'ab')
    const seen: string[] = []
    const stopKeys = terminal.input.onKey((key) => seen.push(`${key.ctrl ? 'ctrl-' : ''}${key.name}`))
    const stopSizes = terminal.out.onResize(() => seen.push(`${terminal.out.columns}`))
    terminal.input.press('q')
    terminal.input.press('c', { ctrl: true })
    terminal.out.resize(90, 20)
    stopKeys()
    stopSizes()
    terminal.input.press('x')
    terminal.out.resize(80, 20)
    assert.deepEqual(seen, ['q', 'ctrl-c', '90'])
    const process = simulatedProcess({ argv: ['topics'], env: { A: '1' } })
    const stopSignals = process.onSignal('SIGINT', () => seen.push('SIGINT'))
    assert.equal(process.signal('SIGINT'), true)
    stopSignals()
    assert.equal(process.signal('SIGINT'), false)
    assert.throws(() => process.exit(5), SimulatedExit)
    assert.equal(process.exitCode, 5)
    assert.equal(process.env('A'), '1')
  })
})
