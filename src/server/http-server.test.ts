import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { isMillraceError, MillraceError } from '../core/errors.ts'
import type { FlowSnapshot } from './flow.ts'
import type { HttpServer, HttpServerOptions } from './http-server.ts'
import { snapshot, snapshotsTaken, startTestServer, withTestServer } from './http-server-fixture.ts'
import { hostName, loopback } from './routes/guard.ts'

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-http-'))
const script = `export const text = '${'mill '.repeat(1_000)}'\n`

before(() => {
  fs.mkdirSync(path.join(directory, 'console/assets'), { recursive: true })
  fs.writeFileSync(path.join(directory, 'console/index.html'), '<!doctype html><title>console</title>')
  fs.writeFileSync(path.join(directory, 'console/assets/main-abcd1234.js'), script)
  fs.writeFileSync(path.join(directory, 'console/.hidden'), 'hidden')
  fs.writeFileSync(path.join(directory, 'secret.txt'), 'secret')
})
after(() => fs.rmSync(directory, { recursive: true, force: true }))

function start(options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  return startTestServer({ consoleDirectory: path.join(directory, 'console'), ...options })
}

function withServer(
  options: Partial<HttpServerOptions>,
  run: (server: HttpServer) => Promise<void>,
): Promise<void> {
  return withTestServer({ consoleDirectory: path.join(directory, 'console'), ...options }, run)
}

interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

/** One request with exactly these headers; `fetch` would set Host by itself. */
function ask(
  server: HttpServer,
  target: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', port: server.port, path: target, headers, method, agent: false },
      (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(pieces),
          }),
        )
      },
    )
    request.on('error', reject)
    request.end()
  })
}

/** What comes back for these very bytes. */
function askRaw(server: HttpServer, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1', () => socket.write(bytes))
    socket.on('error', reject)
    socket.once('data', (answer) => {
      socket.destroy()
      resolve(answer.toString())
    })
  })
}

const codeOf = (answer: Answer): string => JSON.parse(answer.body.toString()).error.code

describe('who may ask', () => {
  test('names of this machine are served, others are not', async () => {
    await withServer({}, async (server) => {
      for (const host of [
        'localhost',
        'localhost:1',
        '127.0.0.1:7070',
        '127.1.2.3',
        '[::1]:9',
        'LOCALHOST',
      ]) {
        assert.equal((await ask(server, '/api/flow', { host })).status, 200, host)
      }
      const strangers = [
        'evil.example',
        'localhost.evil.example',
        '127.0.0.1.evil.example',
        '10.0.0.1',
        '[::2]',
      ]
      for (const host of [...strangers, 'local host', 'localhost:x', 'user@localhost', '127.0.0.1, evil']) {
        for (const target of ['/api/flow', '/api/flow/events', '/health', '/']) {
          const answer = await ask(server, target, { host })
          assert.ok(answer.status === 403 || answer.status === 400, `${host} ${target} ${answer.status}`)
          if (answer.status === 403) assert.equal(codeOf(answer), 'MR_HTTP_REFUSED')
          assert.ok(!answer.body.includes('flights'))
        }
      }
    })
  })

  test('a request without a host is refused', async () => {
    await withServer({}, async (server) => {
      for (const head of [
        'GET /api/flow HTTP/1.0',
        'GET /api/flow HTTP/1.1',
        'GET /api/flow HTTP/1.1\r\nHost:',
      ]) {
        assert.match(await askRaw(server, `${head}\r\n\r\n`), /^HTTP\/1\.1 40[03] /)
      }
    })
  })

  test('a name that is allowed in the options is served', async () => {
    await withServer({ allowedHosts: ['mill.internal'] }, async (server) => {
      assert.equal((await ask(server, '/health', { host: 'mill.internal:80' })).status, 200)
      assert.equal((await ask(server, '/health', { host: 'other.internal' })).status, 403)
    })
  })

  test('an origin other than the server itself is refused, null too', async () => {
    await withServer({}, async (server) => {
      const host = `localhost:${server.port}`
      assert.equal((await ask(server, '/api/flow', { host, origin: `http://${host}` })).status, 200)
      for (const origin of [
        'null',
        'http://evil.example',
        'http://localhost:1',
        `http://${host}.evil.example`,
      ]) {
        const answer = await ask(server, '/api/flow', { host, origin })
        assert.equal(answer.status, 403, origin)
        assert.equal(answer.headers['access-control-allow-origin'], undefined)
      }
    })
  })

  test('a picture or script of another site cannot read the API, a link to the page works', async () => {
    await withServer({}, async (server) => {
      for (const site of ['cross-site', 'same-site']) {
        assert.equal((await ask(server, '/api/flow', { 'sec-fetch-site': site })).status, 403)
      }
      assert.equal((await ask(server, '/api/flow', { 'sec-fetch-site': 'none' })).status, 200)
      assert.equal((await ask(server, '/', { 'sec-fetch-site': 'cross-site' })).status, 200)
    })
  })

  test('only GET and HEAD are answered', async () => {
    await withServer({}, async (server) => {
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        const answer = await ask(server, '/api/flow', {}, method)
        assert.equal(answer.status, 405, method)
        assert.equal(answer.headers.allow, 'GET, HEAD')
      }
      const head = await ask(server, '/api/flow/events', {}, 'HEAD')
      assert.equal(head.status, 200)
      assert.equal(head.headers['content-type'], 'text/event-stream')
    })
  })

  test('every answer, errors too, forbids inline scripts, framing and sniffing', async () => {
    await withServer({}, async (server) => {
      const answers = [
        await ask(server, '/'),
        await ask(server, '/api/flow'),
        await ask(server, '/api/none'),
        await ask(server, '/', { host: 'evil.example' }),
      ]
      for (const { headers } of answers) {
        const policy = String(headers['content-security-policy'])
        assert.match(policy, /script-src 'self'(;|$)/)
        assert.match(policy, /frame-ancestors 'none'/)
        assert.doesNotMatch(policy, /unsafe/)
        assert.equal(headers['x-content-type-options'], 'nosniff')
        assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
      }
    })
  })

  test('an address that other machines reach needs the word insecure', async () => {
    await assert.rejects(start({ host: '0.0.0.0' }), (error) => isMillraceError(error, 'MR_LISTEN_EXPOSED'))
    await withServer({ host: '0.0.0.0', insecure: true }, async (server) => {
      assert.equal((await ask(server, '/health', { host: '10.0.0.1:7070' })).status, 200)
      assert.equal((await ask(server, '/health', { host: 'evil.example' })).status, 403)
    })
  })

  test('host names are read from headers without port and brackets', () => {
    assert.equal(hostName('[::1]:80'), '::1')
    assert.equal(hostName('A.b:1'), 'a.b')
    assert.equal(hostName('a:b:c'), undefined)
    assert.ok(loopback('127.0.0.9') && loopback('::1') && !loopback('128.0.0.1') && !loopback('127.0.0.1.x'))
  })
})

describe('the API', () => {
  test('the snapshot is JSON that is not kept', async () => {
    await withServer({}, async (server) => {
      const answer = await ask(server, '/api/flow')
      assert.equal(answer.headers['content-type'], 'application/json')
      assert.equal(answer.headers['cache-control'], 'no-store')
      assert.equal(JSON.parse(answer.body.toString()).title, 'flights')
    })
  })

  test('the observer is asked once for many requests at a time', async () => {
    await withServer({ limits: { snapshotAgeMs: 60_000 } }, async (server) => {
      const before = snapshotsTaken()
      for (let request = 0; request < 20; request++) await ask(server, '/api/flow')
      assert.equal(snapshotsTaken() - before, 1)
    })
  })

  test('health tells a failed process by its status', async () => {
    await withServer({}, async (server) => assert.equal((await ask(server, '/health')).status, 200))
    await withServer({ observer: { snapshot: () => snapshot({ state: 'failed' }) } }, async (server) => {
      const answer = await ask(server, '/health')
      assert.equal(answer.status, 503)
      assert.equal(JSON.parse(answer.body.toString()).state, 'failed')
    })
  })

  test('metrics are there where something is counted, read at each request, and else nothing is', async () => {
    let count = 0
    await withServer({ metrics: () => `asked_total ${++count}\n` }, async (server) => {
      assert.equal((await ask(server, '/metrics')).body.toString(), 'asked_total 1\n')
      const { body, headers } = await ask(server, '/metrics')
      assert.equal(body.toString(), 'asked_total 2\n')
      assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
      assert.equal(headers['cache-control'], 'no-store')
      assert.equal((await ask(server, '/metrics', { host: 'evil.example' })).status, 403)
      assert.equal((await ask(server, '/metrics', {}, 'POST')).status, 405)
    })
    await withServer({}, async (server) => {
      assert.equal((await ask(server, '/metrics.txt')).status, 404)
      assert.ok(!(await ask(server, '/metrics')).body.includes('asked_total'))
    })
  })

  test('an unknown API address is a JSON 404', async () => {
    await withServer({}, async (server) => {
      const answer = await ask(server, '/api/none')
      assert.equal(answer.status, 404)
      assert.equal(codeOf(answer), 'MR_HTTP_NOT_FOUND')
    })
  })

  test('what fails inside is told without its text, unless it is an error of Millrace', async () => {
    let thrown: Error = new Error('password=hunter2')
    const observer = {
      snapshot: (): FlowSnapshot => {
        throw thrown
      },
    }
    await withServer({ observer }, async (server) => {
      const answer = await ask(server, '/api/flow')
      assert.equal(answer.status, 500)
      assert.equal(codeOf(answer), 'MR_HTTP_FAILED')
      assert.ok(!answer.body.includes('hunter2'))
      thrown = new MillraceError('MR_BROKER_UNREACHABLE', 'no broker', { hint: 'Start one.' })
      const known = await ask(server, '/api/flow')
      assert.equal(known.status, 503)
      assert.deepEqual(JSON.parse(known.body.toString()).error, {
        code: 'MR_BROKER_UNREACHABLE',
        message: 'no broker',
        hint: 'Start one.',
      })
    })
  })
})

describe('the port', () => {
  test('a taken one is followed by the next free one, which is said', async () => {
    await withServer({}, async (first) => {
      await withServer({ port: first.port }, async (second) => {
        assert.ok(second.port > first.port && second.port <= first.port + 20)
        assert.equal(second.portTaken, first.port)
        assert.equal(second.url, `http://127.0.0.1:${second.port}`)
        assert.equal((await ask(second, '/health')).status, 200)
      })
      assert.equal(first.portTaken, undefined)
    })
  })

  test('a taken one is an error when it must be that one', async () => {
    await withServer({}, async (first) => {
      await assert.rejects(start({ port: first.port, strictPort: true }), (error) => {
        assert.ok(isMillraceError(error, 'MR_PORT_IN_USE'))
        assert.equal(error.where, `127.0.0.1:${first.port}`)
        return true
      })
    })
  })

  test('an address of another machine is an error of the option', async () => {
    const elsewhere = { host: '203.0.113.1', insecure: true }
    await assert.rejects(start(elsewhere), (error) => isMillraceError(error, 'MR_OPTION_INVALID'))
  })
})

describe('the files of the console', () => {
  test('named by content they are kept for ever, the page is asked for again', async () => {
    await withServer({}, async (server) => {
      const page = await ask(server, '/')
      assert.match(page.body.toString(), /<title>console/)
      assert.equal(page.headers['content-type'], 'text/html; charset=utf-8')
      assert.equal(page.headers['cache-control'], 'no-cache')
      const again = await ask(server, '/', { 'if-none-match': String(page.headers.etag) })
      assert.equal(again.status, 304)
      assert.equal(again.body.length, 0)
      const asset = await ask(server, '/assets/main-abcd1234.js')
      assert.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable')
      assert.equal(asset.body.toString(), script)
    })
  })

  test('they are compressed for those who take that', async () => {
    await withServer({}, async (server) => {
      const target = '/assets/main-abcd1234.js'
      const packed = await ask(server, target, { 'accept-encoding': 'br, gzip' })
      assert.equal(packed.headers['content-encoding'], 'gzip')
      assert.equal(gunzipSync(packed.body).toString(), script)
      const plain = await ask(server, target, { 'accept-encoding': 'gzip;q=0, br' })
      assert.equal(plain.headers['content-encoding'], undefined)
    })
  })

  test('a path of a page leads to the console, a missing file is a 404', async () => {
    await withServer({}, async (server) => {
      assert.equal((await ask(server, '/flow')).headers.location, './')
      assert.equal((await ask(server, '/topics/departed/1')).headers.location, '../../')
      for (const target of ['/assets/old.js', '/favicon.ico', '/api', '/assets']) {
        assert.equal((await ask(server, target)).status, 404, target)
      }
    })
  })

  test('no path leaves the directory or shows what is hidden', async () => {
    await withServer({}, async (server) => {
      const up = ['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/assets/../../secret.txt']
      const odd = ['/..%5csecret.txt', '/%00', '/%ff', '/assets/%2e%2e%2f%2e%2e%2fsecret.txt', '//etc/passwd']
      for (const target of [...up, ...odd, '/.hidden', '/__proto__', '/constructor']) {
        const { status, body } = await ask(server, target)
        assert.ok([302, 400, 404].includes(status), `${target} ${status}`)
        assert.ok(!/secret|hidden|root:/.test(body.toString()), target)
      }
    })
  })

  test('a console that is not built is said, and the API works', async () => {
    await withServer({ consoleDirectory: path.join(directory, 'none') }, async (server) => {
      const answer = await ask(server, '/')
      assert.equal(answer.status, 404)
      assert.match(JSON.parse(answer.body.toString()).error.hint, /npm run build/)
      assert.equal((await ask(server, '/api/flow')).status, 200)
    })
  })
})
