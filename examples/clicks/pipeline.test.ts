/** The first pipeline of the README, on virtual time. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { testDriver } from 'millrace/testing'
import { clicksPerPage } from './millrace.config.ts'

it('counts the clicks of each page in ten seconds', () => {
  const driver = testDriver(clicksPerPage)
  const clicks = driver.topic('clicks')
  clicks.append({ page: '/home' })
  clicks.append({ page: '/home' })
  clicks.append({ page: '/cart' })
  driver.advance('20 seconds')
  clicks.append({ page: '/home' })
  driver.end()
  const rows = driver.topic('clicks-per-page').read<{ clicks: number }, { key: string }>()
  assert.deepEqual(
    rows.map(({ key, value }) => [key.key, value.clicks]),
    [
      ['/home', 2],
      ['/cart', 1],
      ['/home', 1],
    ],
  )
})

it('is printed in the README as it is', () => {
  const source = readFileSync(new URL('millrace.config.ts', import.meta.url), 'utf8')
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  assert.ok(readme.includes(`\`\`\`ts\n${source}\`\`\``))
})
