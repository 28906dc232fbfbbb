/**
 * The page of the running demo, as a person has it before the eyes: what is drawn, what moves, what the results say.
 *
 * `MILLRACE_SCREENSHOT=docs/images/page.png` also saves a picture of it.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { until } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import type { FlowSnapshot } from '../../src/server/flow.ts'
import {
  type Browser,
  type Page,
  skipWithoutChromium,
  startBrowser,
  type Watched,
} from '../console/browser.ts'
import { type FlightsProcess, interrupt, resultTables, startFlights, untilReady } from './flights.ts'

const { clock } = nodePlatform()
const directory = mkdtempSync(join(tmpdir(), 'millrace-page-'))
const built = new URL('../../console/dist/index.html', import.meta.url)

const soon = (what: string, holds: () => Promise<boolean>): Promise<void> =>
  until(clock, holds, { what, timeoutMs: 15_000, intervalMs: 50 })

const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).first().textContent()) ?? ''

describe('the page of the running demo', { skip: skipWithoutChromium }, () => {
  let demo: FlightsProcess | undefined
  let browser: Browser | undefined
  let address = ''
  let watched: Watched | undefined

  before(async () => {
    assert.ok(existsSync(built), 'the console is built: npm run build')
    demo = startFlights(directory, ['--speed', '8640'])
    address = (await untilReady(demo)).page
    browser = await startBrowser()
    watched = await browser.open(address, { width: 1440, height: 900, colorScheme: 'light' })
  })
  after(async () => {
    await browser?.close()
    if (demo?.child.exitCode === null && demo.child.signalCode === null) await interrupt(demo)
    rmSync(directory, { recursive: true, force: true })
  })

  const open = (): Watched => {
    assert.ok(watched !== undefined, 'the page is open')
    return watched
  }
  const snapshot = async (): Promise<FlowSnapshot> =>
    (await (await fetch(`${address}/api/flow`)).json()) as FlowSnapshot

  it('draws every source, topic, operator, store and sink, and the edges between them', async () => {
    const { page } = open()
    await page.locator('.live-switch.live').waitFor()
    const { nodes, edges } = await snapshot()
    const ids = new Set(nodes.map(({ id }) => id))
    for (const id of ['source:collect-flights', 'sink:results', 'operator:flights/merge-1'])
      assert.ok(ids.has(id), id)
    for (const topic of ['departed', 'arrived', 'weather', ...resultTables])
      assert.ok(ids.has(`topic:${topic}`), topic)
    const counts = Map.groupBy(nodes, ({ kind }) => kind)
    for (const kind of ['source', 'topic', 'operator', 'store', 'sink'] as const) {
      const expected = counts.get(kind)?.length ?? 0
      assert.ok(expected > 0, `the demo has a ${kind}`)
      assert.equal(await page.locator(`.node.kind-${kind}`).count(), expected, kind)
    }
    assert.equal(await page.locator('[data-edge]').count(), edges.length)
    assert.equal(await textOf(page, '.top h1'), 'flights')
  })

  it('shows all of it at once, in letters that are not cut where there is room', async () => {
    const { page } = open()
    const screen = (await page.locator('.graph').boundingBox())!
    for (const body of await page.locator('.node .body').all()) {
      const box = (await body.boundingBox())!
      assert.ok(box.x >= screen.x && box.x + box.width <= screen.x + screen.width, 'a node is cut off')
      assert.ok(box.y >= screen.y && box.y + box.height <= screen.y + screen.height, 'a node is cut off')
    }
    const label = async (id: string): Promise<string> =>
      (await page.locator(`[data-node="${id}"] .label`).allTextContents()).join('')
    for (const topic of ['departed', ...resultTables]) assert.equal(await label(`topic:${topic}`), topic)
  })

  it('moves: rates on edges, lag, watermark and event time', async () => {
    const { page } = open()
    const edge = '[data-edge="topic:departed operator:flights/departures-by-plane"]'
    await page.locator(edge).first().waitFor({ state: 'attached' })
    const rates = async (): Promise<string> =>
      (await page.locator('.figures .edge-rate').allTextContents()).join(' ')
    await soon('a rate on an edge', async () => /[1-9]\d*(\.\d)?\/s/.test(await rates()))
    const first = await rates()
    await soon('other rates', async () => (await rates()) !== first)
    const lags = await page.locator('.figures.queued .lag').allTextContents()
    assert.ok(lags.length >= 10, `${lags.length} edges say how much waits`)
    for (const lag of lags) assert.match(lag, /^(lag|behind) [\d.]+k?$/)
    const visible = await page.locator('.figures.queued .lag').first().boundingBox()
    assert.ok(visible !== null && visible.width > 0, 'lag is seen without zooming')
    const figure = page.locator('.top .figure', { hasText: 'event time' })
    const before = await figure.textContent()
    assert.match(before ?? '', /2013-01-\d\d \d\d:\d\d/)
    await soon('a later event time', async () => ((await figure.textContent()) ?? '') > (before ?? ''))
    const source = '[data-node="source:collect-flights"]'
    await soon('the source at work', async () => /^[1-9]/.test(await textOf(page, `${source} .rate`)))
    assert.equal(await textOf(page, `${source} .badge`), '8 bad')
  })

  it('has rows of the results, the latest first', async () => {
    const { page } = open()
    const row = '.results tbody tr'
    await page.locator(row).first().waitFor()
    const seen = await textOf(page, row)
    assert.match(seen, /^2013-01-\d\d \d\d:00(EWR|JFK|LGA)[A-Z0-9]{2}\d+-?\d+/)
    await soon('a newer row', async () => (await textOf(page, row)) !== seen)
    const counted = await page.locator('.row-count').textContent()
    assert.match(counted ?? '', /rows?$/)
    await page.getByRole('tab', { name: 'Departures with plane and weather' }).click()
    await soon('a departure', async () => /^2013-01-\d\d \d\d:\d\d/.test(await textOf(page, row)))
    await page.getByRole('tab', { name: 'Delays by hour' }).click()
  })

  it('is a picture that can be shown', async () => {
    const { page } = open()
    const wanted = process.env['MILLRACE_SCREENSHOT']
    const path = resolve(wanted ?? join(directory, 'page.png'))
    mkdirSync(dirname(path), { recursive: true })
    await page.screenshot({ path })
    const png = readFileSync(path)
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [1440, 900])
    assert.ok(png.length > 50_000, 'it is not empty')
  })

  it('goes with the demo, which Ctrl-C ends cleanly, and complains of nothing before', async () => {
    const { page, complaints } = open()
    assert.deepEqual(complaints, [])
    assert.ok(demo !== undefined)
    assert.equal(await interrupt(demo), 130, demo.output())
    assert.match(demo.output(), /\n {2}stopped {3}data in \S+: the next start goes on from here\n$/)
    await page.locator('.live-switch', { hasText: 'reconnecting…' }).waitFor()
  })
})
