/** The built console in a real browser, with a live picture that moves like the flights demo. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { silentLogger } from '../../src/core/logger.ts'
import { until } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import type { FlowObserver } from '../../src/server/flow.ts'
import { type HttpServer, startHttpServer } from '../../src/server/http-server.ts'
import {
  type Browser,
  type Locator,
  type Page,
  type PageOptions,
  screenshots,
  skipWithoutChromium,
  startBrowser,
  type Watched,
} from './browser.ts'
import { fakeFlow } from './fake-flow.ts'

const platform = nodePlatform()
const consoleDirectory = path.resolve(import.meta.dirname, '../../console/dist')
const FIRST_LOAD_BYTES_MAX = 60_000

let flights: FlowObserver
let browser: Browser | undefined
let server: HttpServer | undefined

function serve(observer: FlowObserver, port = 0): Promise<HttpServer> {
  const options = { platform, observer, logger: silentLogger, consoleDirectory }
  return startHttpServer({ ...options, port, strictPort: port !== 0 })
}

/** Serves another picture for the time of one test. */
async function withPicture(observer: FlowObserver, run: (address: string) => Promise<void>): Promise<void> {
  const other = await serve(observer)
  try {
    await run(other.url)
  } finally {
    await other.close()
  }
}

function open(address: string, options?: PageOptions): Promise<Watched> {
  assert.ok(browser !== undefined, 'the browser has started')
  return browser.open(address, options)
}

/** Where the flights' picture is served. */
function url(): string {
  assert.ok(server !== undefined, 'the server has started')
  return server.url
}

const soon = (what: string, holds: () => Promise<boolean>): Promise<void> =>
  until(platform.clock, holds, { what, timeoutMs: 10_000, intervalMs: 50 })

const node = (page: Page, id: string): Locator => page.locator(`[data-node="${id}"]`)

const shoot = (page: Page, name: string): Promise<unknown> =>
  page.screenshot({ path: path.join(screenshots, `${name}.png`) })

const text = async (of: Locator): Promise<string> => (await of.textContent()) ?? ''

/** A computed style of the first element found. */
const style = (of: Locator, name: string): Promise<string> =>
  of.evaluate((element, property) => {
    const page = globalThis as unknown as { getComputedStyle(of: unknown): Record<string, string> }
    return page.getComputedStyle(element)[property] ?? ''
  }, name)

/** The node that has the focus, or the name of the element that has it. */
const focused = (page: Page): Promise<string> =>
  page.evaluate<string>(
    'document.activeElement?.getAttribute("data-node") ?? document.activeElement?.tagName',
  )

/** A test in the browser. */
const check = (name: string, run: () => Promise<void>): unknown =>
  test(name, { skip: skipWithoutChromium }, run)

describe('the console', () => {
  before(async () => {
    assert.ok(fs.existsSync(path.join(consoleDirectory, 'index.html')), 'the console is built: npm run build')
    if (skipWithoutChromium !== false) return
    flights = fakeFlow({ clock: platform.clock })
    server = await serve(flights)
    browser = await startBrowser()
  })
  afterEach(() => browser?.closePages())
  after(async () => {
    await browser?.close()
    await server?.close()
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [width, height] of [
      [1440, 900],
      [1024, 700],
    ] as const) {
      check(`shows the topology and a result row, ${colorScheme}, ${width} by ${height}`, async () => {
        const { page, complaints } = await open(url(), { width, height, colorScheme })
        const { nodes, edges } = flights.snapshot()
        await page.locator('.node').first().waitFor()
        assert.equal(await page.locator('[data-node]').count(), nodes.length)
        assert.equal(await page.locator('[data-edge]').count(), edges.length)
        assert.match(await node(page, 'topic:departed').innerHTML(), /departed/)
        for (const group of ['agent nyc', 'hourly-delays', 'rotations']) {
          await page.locator('.frame', { hasText: group }).waitFor()
        }
        assert.match(await text(page.locator('.results tbody tr').first()), /^2013-\d\d-\d\d \d\d:00EWRUA/)
        await page.locator('.live-switch.live').waitFor()
        assert.equal(await text(page.locator('.top h1')), 'flights')
        const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
        const light = Number(/\d+/.exec(background)?.[0]) > 128
        assert.equal(light, colorScheme === 'light')
        await noOverflow(page)
        await shoot(page, `flow-${colorScheme}-${width}`)
        assert.deepEqual(complaints, [])
      })
    }
  }

  check('rates, counts and the event time move', async () => {
    const { page, complaints } = await open(url())
    const rate = node(page, 'topic:departed').locator('.rate')
    const edgeRate = page.locator('.edge-rate').first()
    const first = [await rate.textContent(), await edgeRate.textContent()]
    assert.match(first[0] ?? '', /^\d+(\.\d)?\/s$/)
    await soon('another rate of the topic', async () => (await rate.textContent()) !== first[0])
    await soon('another rate of the edge', async () => (await edgeRate.textContent()) !== first[1])
    const time = page.locator('.top .figure', { hasText: 'event time' })
    const before = await text(time)
    await soon('a later event time', async () => (await text(time)) > before)
    assert.deepEqual(complaints, [])
  })

  check('dashes move along edges with records only, and not for those who want no motion', async () => {
    const { page } = await open(url())
    const dashes = (from: string, to: string): Locator => page.locator(`[data-edge="${from} ${to}"] .dashes`)
    const moving = dashes('topic:departed', 'operator:rotations/merge')
    await page.locator('.live-switch.live').waitFor()
    assert.equal(await style(moving, 'animationPlayState'), 'running')
    assert.equal(await style(dashes('topic:planes', 'operator:enriched/join planes'), 'display'), 'none')
    const calm = await open(url(), { reducedMotion: 'reduce' })
    const still = calm.page.locator('[data-edge="topic:departed operator:rotations/merge"] .dashes')
    assert.equal(await style(still, 'animationName'), 'none')
  })

  check('late and bad records are told by words', async () => {
    const { page } = await open(url())
    await node(page, 'source:flights.csv.gz').locator('.badge', { hasText: 'bad' }).waitFor()
    await node(page, 'operator:hourly-delays/tumbling 1 hour')
      .locator('.badge', { hasText: 'late' })
      .waitFor()
    await page
      .locator('.figures', { hasText: 'behind' })
      .or(page.locator('.figures', { hasText: 'lag' }))
      .first()
      .waitFor()
  })

  check('the side panel opens and closes by keyboard, and the address holds it', async () => {
    const { page, complaints } = await open(url())
    await page.locator('.live-switch.live').waitFor()
    for (let tabs = 0; tabs < 12 && !(await focused(page)).includes(':'); tabs++)
      await page.keyboard.press('Tab')
    assert.equal(await focused(page), 'source:flights.csv.gz')
    await page.keyboard.press('ArrowRight')
    assert.equal(await focused(page), 'operator:agent nyc/departures and arrivals')
    await page.keyboard.press('Enter')
    const panel = page.getByRole('complementary', { name: 'operator departures and arrivals' })
    await panel.waitFor()
    assert.equal(await focused(page), 'H2')
    assert.match(await text(panel), /tasks4/)
    assert.match(await text(panel), /Watermark2013-/)
    await panel.getByRole('img', { name: /Rate over the last five minutes: now \d+/ }).waitFor()
    await soon('a line of the rate', async () =>
      (await panel.locator('.rate-line').first().getAttribute('d'))!.includes('L'),
    )
    await shoot(page, 'panel')
    const address = page.url()
    assert.match(address, /#\/flow\?node=operator/)
    await page.keyboard.press('Escape')
    await panel.waitFor({ state: 'detached' })
    assert.equal(await focused(page), 'operator:agent nyc/departures and arrivals')
    assert.deepEqual(complaints, [])

    const again = await open(`${address}&table=delay-alerts`)
    await again.page.getByRole('complementary', { name: 'operator departures and arrivals' }).waitFor()
    await again.page.getByRole('tab', { name: 'Delay alerts', selected: true }).waitFor()
  })

  check('the panel leads along the edges, and never covers its node', async () => {
    const { page } = await open(url(), { width: 1024, height: 700 })
    await node(page, 'sink:files').locator('.body').click()
    const panel = page.locator('.panel')
    await panel.waitFor()
    const clear = async (id: string): Promise<boolean> => {
      const [box, cover] = [await node(page, id).locator('.body').boundingBox(), await panel.boundingBox()]
      return box !== null && cover !== null && box.x + box.width <= cover.x
    }
    await soon('the sink to be beside the panel', () => clear('sink:files'))
    await panel.getByRole('button', { name: 'departures-enriched' }).click()
    await page.getByRole('complementary', { name: 'topic departures-enriched' }).waitFor()
    await soon('the topic to be beside the panel', () => clear('topic:departures-enriched'))
  })

  check('help, find, pause and results have their keys', async () => {
    const { page, complaints } = await open(url())
    await page.locator('.live-switch.live').waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
    await shoot(page, 'help')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })

    await page.keyboard.press('/')
    await page.keyboard.type('rotations')
    await page.locator('.find output', { hasText: '4 found' }).waitFor()
    assert.equal(await page.locator('.node:not(.faded)').count(), 4)
    await page.keyboard.press('Escape')
    assert.equal(await page.locator('.node.faded').count(), 0)

    await page.keyboard.press('p')
    await page.locator('.live-switch', { hasText: 'paused' }).waitFor()
    await page.keyboard.press('p')
    await page.locator('.live-switch', { hasText: 'live' }).waitFor()

    await page.keyboard.press('r')
    await page.locator('.results table').waitFor({ state: 'detached' })
    await page.keyboard.press('r')
    await page.getByRole('tab', { name: 'Hourly delays' }).focus()
    await page.keyboard.press('ArrowRight')
    await page.getByRole('tab', { name: 'Delay alerts', selected: true }).waitFor()
    await page.locator('.top .parts summary').click()
    await page.getByRole('row', { name: 'broker 127.0.0.1:9092, 14 topics 112 ms' }).waitFor()
    assert.deepEqual(complaints, [])
  })

  check('numbers stand right with thousands separators, nulls are told from empty text', async () => {
    const { page } = await open(url())
    const cell = page.locator('.results tbody tr:nth-child(40) td.number').last()
    await cell.waitFor()
    assert.equal(await style(cell, 'textAlign'), 'right')
    const texts = await page.locator('.results tbody td.number').allTextContents()
    assert.ok(texts.includes('1,295'))
    assert.ok(texts.includes('null'))
  })

  check('the page says when the server is gone, and goes on by itself when it is back', async () => {
    const own = await serve(flights)
    const { page, complaints } = await open(own.url)
    await page.locator('.live-switch', { hasText: 'live' }).waitFor()
    const { port } = own
    assert.deepEqual(complaints, [])
    await own.close()
    await page.locator('.live-switch', { hasText: 'reconnecting…' }).waitFor()
    await shoot(page, 'reconnecting')
    const restarted = fakeFlow({ clock: platform.clock, change: { title: 'flights again' } })
    const back = await serve(restarted, port)
    await page.locator('.live-switch', { hasText: 'live' }).waitFor()
    assert.equal(await text(page.locator('.top h1')), 'flights again')
    const others = complaints.filter((text) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED/.test(text))
    assert.deepEqual(others, [])
    await page.close()
    await back.close()
  })

  check('sixty nodes are read, fitted, dragged and zoomed', async () => {
    const many = fakeFlow({ clock: platform.clock, copies: 2 })
    assert.ok(many.snapshot().nodes.length > 50)
    await withPicture(many, async (address) => {
      const { page, complaints } = await open(address)
      await page.locator('.live-switch.live').waitFor()
      await shoot(page, 'sixty-nodes')
      await page.keyboard.press('f')
      const screen = (await page.locator('.graph').boundingBox())!
      const outside = async (): Promise<number> => {
        const boxes = await Promise.all(
          (await page.locator('.node .body').all()).map((body) => body.boundingBox()),
        )
        return boxes.filter(
          (box) => box === null || box.y < screen.y || box.y + box.height > screen.y + screen.height,
        ).length
      }
      assert.equal(await outside(), 0)
      const place = async (): Promise<number> => (await node(page, 'topic:departed').boundingBox())!.x
      const before = await place()
      await page.mouse.move(screen.x + 60, screen.y + 300)
      await page.mouse.down()
      await page.mouse.move(screen.x + 160, screen.y + 300, { steps: 5 })
      await page.mouse.up()
      assert.ok(Math.abs((await place()) - before - 100) < 8)
      assert.equal(await page.locator('.panel').count(), 0)
      const percent = page.locator('.percent')
      const scale = await text(percent)
      await page.mouse.wheel(0, -400)
      await soon(
        'a larger scale',
        async () => Number.parseInt(await text(percent), 10) > Number.parseInt(scale, 10),
      )
      assert.deepEqual(complaints, [])
    })
  })

  check('names and values from outside are text, whatever they hold', async () => {
    const hostile = '"><img src=x onerror=alert(1)><script>alert(2)</script>\u202e'
    const picture = flights.snapshot()
    const nodes = picture.nodes.map((one) => ({
      ...one,
      label: hostile,
      group: hostile,
      details: { [hostile]: hostile },
    }))
    const columns = [{ name: hostile, type: 'text' as const }]
    const results = [{ topic: hostile, title: hostile, columns, rows: [[hostile]], rowCount: 1 }]
    const change = { title: hostile, message: hostile, nodes, results }
    await withPicture(fakeFlow({ clock: platform.clock, change }), async (address) => {
      const { page, complaints } = await open(`${address}/#/flow?node=topic:departed`)
      await page.locator('.panel').waitFor()
      assert.equal(await text(page.locator('.top h1')), hostile)
      assert.equal(await text(page.locator('.results td.text')), hostile)
      assert.equal(await page.locator('img, script:not([src])').count(), 0)
      assert.deepEqual(complaints, [])
    })
  })

  check('before there is a topology the parts are shown, and a failure says why', async () => {
    const starting = { state: 'starting', nodes: [], edges: [], results: [] } as const
    await withPicture(fakeFlow({ clock: platform.clock, change: starting }), async (address) => {
      const { page } = await open(address)
      await page.locator('.empty', { hasText: 'Starting…' }).waitFor()
      await page
        .locator('.empty')
        .getByRole('row', { name: /pipelines .* 203 ms/ })
        .waitFor()
    })
    const failed = { state: 'failed', message: 'no room on the disk' } as const
    await withPicture(fakeFlow({ clock: platform.clock, change: failed }), async (address) => {
      const { page } = await open(address)
      await page.getByRole('status').filter({ hasText: 'Failed: no room on the disk' }).waitFor()
      await page.locator('.state.failed').waitFor()
    })
  })

  check('everything that can be used has a name, and text can be read in both themes', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await open(`${url()}/#/flow?node=topic:departed`, { colorScheme })
      await page.locator('.panel').waitFor()
      const nameless = await page.evaluate<
        string[]
      >(`[...document.querySelectorAll('a, button, input, [role=button]')]
        .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim()))
        .map((e) => e.outerHTML)`)
      assert.deepEqual(nameless, [])
      assert.deepEqual(await faintTexts(page), [], colorScheme)
    }
  })

  test('the first load is small', () => {
    const files = fs.readdirSync(consoleDirectory, { recursive: true, withFileTypes: true })
    const sizes = files
      .filter((file) => file.isFile())
      .map((file) => gzipSync(fs.readFileSync(path.join(file.parentPath, file.name))).length)
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    assert.ok(bytes <= FIRST_LOAD_BYTES_MAX, `${bytes} bytes gzipped`)
  })
})

/** Nothing is pushed out of the window, and the top line holds all of its figures. */
async function noOverflow(page: Page): Promise<void> {
  const wide = await page.evaluate<string[]>(`['html', '.top', '.graph-tools', '.results > header']
    .filter((name) => { const e = document.querySelector(name); return e.scrollWidth > e.clientWidth })`)
  assert.deepEqual(wide, [])
}

/** Pairs of text and background colours with a contrast below 4.5 (WCAG 2.2, 1.4.3). */
function faintTexts(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
    const luminance = (name) => {
      canvas.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim()
      canvas.fillRect(0, 0, 1, 1)
      const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => {
        const unit = part / 255
        return unit <= 0.04045 ? unit / 12.92 : ((unit + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }
    const contrast = (a, b) => {
      const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y)
      return (high + 0.05) / (low + 0.05)
    }
    const plain = ['text', 'muted', 'faint', 'accent', 'good', 'late', 'bad']
    const pairs = [
      ...plain.flatMap((name) => ['surface', 'ground'].map((back) => [name, back])),
      ['muted', 'frame'], ['muted', 'raised'], ['muted', 'hover'], ['accent', 'accent-soft'],
      ['late', 'late-soft'], ['bad', 'bad-soft'], ['text', 'accent-soft'],
    ]
    return pairs.filter(([a, b]) => contrast(a, b) < 4.5).map(([a, b]) => a + ' on ' + b + ' ' + contrast(a, b).toFixed(2))
  })()`)
}
