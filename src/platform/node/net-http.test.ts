import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { httpGet } from './net-http.ts'

const options = { timeoutMs: 2000, bytesMax: 1000 }

describe('httpGet', () => {
  const server = createServer(({ url }, response) => {
    if (url === '/small') response.end('{"keys":[]}')
    else if (url === '/large') response.end('x'.repeat(5000))
    else if (url === '/moved') response.writeHead(302, { location: '/small' }).end()
    else if (url === '/missing') response.writeHead(404).end()
  })
  let base = ''
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  it('gives what an address has', async () => {
    assert.equal((await httpGet(`${base}/small`, options)).toString(), '{"keys":[]}')
  })

  for (const [path, what] of [
    ['large', 'more bytes than asked for'],
    ['moved', 'a redirect, wherever it leads'],
    ['missing', 'another status'],
    ['silent', 'no answer in time'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const timeoutMs = path === 'silent' ? 100 : options.timeoutMs
      await assert.rejects(httpGet(`${base}/${path}`, { ...options, timeoutMs }), { code: 'MR_HTTP_FAILED' })
    })
  }
})
