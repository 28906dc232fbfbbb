/** `npm start` where nothing was built before: what a fresh clone shows. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { root } from '../../scripts/repository.ts'
import { type FlightsProcess, freePorts, interrupt, startProgram, untilReady } from './flights.ts'

const copied = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'bin',
  'console',
  'scripts',
  'src',
  'examples/clicks',
]

describe('a first start', () => {
  const clone = mkdtempSync(join(tmpdir(), 'millrace-first-start-'))
  let running: FlightsProcess | undefined
  after(async () => {
    if (running?.child.exitCode === null && running.child.signalCode === null) await interrupt(running)
    rmSync(clone, { recursive: true, force: true })
  })

  it('has the page that it names', { timeout: 120_000 }, async () => {
    const notBuilt = (file: string): boolean => !file.endsWith('/console/dist')
    for (const name of copied)
      cpSync(join(root, name), join(clone, name), { recursive: true, filter: notBuilt })
    symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'))
    const config = 'examples/clicks/millrace.config.ts'
    const start = ['--conditions=millrace-source', 'scripts/tasks/start.ts', config, '--data', 'data']
    running = startProgram(clone, [...start, ...freePorts])
    const { page } = await untilReady(running)
    const answer = await fetch(page)
    const html = await answer.text()
    assert.equal(answer.status, 200, html)
    assert.match(answer.headers.get('content-type') ?? '', /^text\/html/)
    const script = /<script[^>]+src="([^"]+)"/.exec(html)?.[1]
    assert.ok(script !== undefined, html)
    assert.equal((await fetch(new URL(script, `${page}/`))).status, 200)
    assert.match(running.output(), /Building the page … \d+\.\d s/)
  })
})
