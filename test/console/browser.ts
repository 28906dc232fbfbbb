/** Debian's Chromium, driven by playwright-core, and pages that note everything a user would not like. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const candidates = [process.env['MILLRACE_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser']

/** Where Chromium is; undefined when it is not installed. */
export const chromiumPath = candidates.find((file) => file !== undefined && fs.existsSync(file))

/** For `skip` of a test; under CI a missing browser is a failure instead. */
export const skipWithoutChromium =
  chromiumPath === undefined && process.env['CI'] !== 'true'
    ? 'not installed: apt-get install chromium'
    : false

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * What is used of playwright-core. Its own types need those of the browser's DOM, which must not be known to the rest
 * of the code: there `document` has to stay an error.
 */
export interface Locator {
  all(): Promise<Locator[]>
  allTextContents(): Promise<string[]>
  boundingBox(): Promise<{ x: number; y: number; width: number; height: number } | null>
  click(): Promise<void>
  count(): Promise<number>
  evaluate<T, A>(run: (element: unknown, argument: A) => T, argument: A): Promise<T>
  filter(options: { hasText: string }): Locator
  first(): Locator
  focus(): Promise<void>
  getAttribute(name: string): Promise<string | null>
  getByRole(role: string, options?: object): Locator
  innerHTML(): Promise<string>
  last(): Locator
  locator(selector: string, options?: { hasText: string }): Locator
  or(other: Locator): Locator
  textContent(): Promise<string | null>
  waitFor(options?: { state: 'attached' | 'detached' | 'visible' | 'hidden' }): Promise<void>
}

export interface Page {
  close(): Promise<void>
  evaluate<T>(expression: string): Promise<T>
  getByRole(role: string, options?: object): Locator
  goto(url: string): Promise<unknown>
  readonly keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> }
  locator(selector: string, options?: { hasText: string }): Locator
  readonly mouse: {
    down(): Promise<void>
    move(x: number, y: number, options?: { steps: number }): Promise<void>
    up(): Promise<void>
    wheel(byX: number, byY: number): Promise<void>
  }
  on(event: 'console', run: (message: { type(): string; text(): string }) => void): void
  on(event: 'pageerror', run: (error: Error) => void): void
  on(event: 'request', run: (request: { url(): string }) => void): void
  screenshot(options: { path: string }): Promise<unknown>
  setDefaultTimeout(timeoutMs: number): void
  url(): string
}

interface Context {
  newPage(): Promise<Page>
  close(): Promise<void>
}

interface Playwright {
  readonly chromium: {
    launch(
      options: object,
    ): Promise<{ newContext(options: object): Promise<Context>; close(): Promise<void> }>
  }
}

export const screenshots = path.resolve(import.meta.dirname, '../../.cache/screenshots')

export interface PageOptions {
  readonly width?: number
  readonly height?: number
  readonly colorScheme?: 'light' | 'dark'
  readonly reducedMotion?: 'reduce' | 'no-preference'
}

export interface Watched {
  readonly page: Page
  /** Errors and warnings of the console, exceptions, requests to elsewhere. */
  readonly complaints: string[]
}

export interface Browser {
  open(url: string, options?: PageOptions): Promise<Watched>
  /** Closes all pages: each one that lives on takes its part of the processor. */
  closePages(): Promise<void>
  close(): Promise<void>
}

export async function startBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('not installed: apt-get install chromium')
  // Not a literal, so that the compiler does not read the package's types.
  const packageName: string = 'playwright-core'
  const { chromium } = (await import(packageName)) as Playwright
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-chromium-'))
  const options = { executablePath: chromiumPath, args: flags, headless: true }
  const browser = await chromium.launch({ ...options, env: { ...process.env, HOME: profile } })
  fs.mkdirSync(screenshots, { recursive: true })
  const contexts: Context[] = []
  const closePages = async (): Promise<void> => {
    for (const context of contexts.splice(0)) await context.close()
  }
  return {
    async open(url, { width = 1440, height = 900, ...media } = {}) {
      const context = await browser.newContext({ viewport: { width, height }, ...media })
      contexts.push(context)
      const page = await context.newPage()
      page.setDefaultTimeout(10_000)
      const complaints: string[] = []
      page.on('console', (message) => {
        if (['error', 'warning', 'assert'].includes(message.type())) complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
      const { origin } = new URL(url)
      page.on('request', (request) => {
        if (new URL(request.url()).origin !== origin) complaints.push(`request to ${request.url()}`)
      })
      await page.goto(url)
      return { page, complaints }
    },
    closePages,
    async close() {
      await closePages()
      await browser.close()
      fs.rmSync(profile, { recursive: true, force: true })
    },
  }
}
