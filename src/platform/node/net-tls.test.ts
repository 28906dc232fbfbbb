/** TLS and mutual TLS over the machine's sockets, with certificates made here. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { after, describe, it } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { isMillraceError } from '../../core/errors.ts'
import { until } from '../clock.ts'
import type { NetServer, Socket, TlsClientOptions, TlsServerOptions } from '../net.ts'
import { TestAuthority } from './certificates-fixture.ts'
import { nodeClock } from './clock.ts'
import { nodeNet } from './net.ts'
import { subjectOf } from './net-tls.ts'
import { tlsFailure } from './net-tls-error.ts'

const authority = new TestAuthority(nodeClock.nowMs())
const stranger = new TestAuthority(nodeClock.nowMs(), 'Another Authority')
const server = authority.issue({
  subject: [['CN', 'broker']],
  hosts: ['localhost'],
  addresses: ['127.0.0.1'],
})
const alice = authority.issue({
  subject: [
    ['C', 'DE'],
    ['O', 'Mill, Race'],
    ['CN', 'alice'],
  ],
})
const timeoutMs = 5000

/** The server's sides of all connections, and why handshakes were refused. */
class Listening {
  readonly accepted: Socket[] = []
  readonly refused: string[] = []
  readonly closes: (Error | undefined)[] = []
  net: NetServer | undefined

  async open(options: Partial<TlsServerOptions> | 'plain' = {}): Promise<this> {
    const tls: TlsServerOptions | undefined =
      options === 'plain'
        ? undefined
        : {
            ...server,
            ca: authority.cert,
            clientAuth: 'none',
            handshakeTimeoutMs: timeoutMs,
            handshakesMax: 100,
            onRefused: (_, reason) => void this.refused.push(reason),
            ...options,
          }
    this.net = await nodeNet.listen({ host: '127.0.0.1', port: 0, ...(tls && { tls }) }, (socket) => {
      this.accepted.push(socket)
      socket.start({
        data: (bytes) => void socket.write(Buffer.from(bytes)),
        drain: () => {},
        close: () => {},
      })
    })
    open.push(this)
    return this
  }

  connect(tls: TlsClientOptions): Promise<Socket> {
    return nodeNet.connect({ host: '127.0.0.1', port: this.net!.port, timeoutMs, tls })
  }
}

const open: Listening[] = []
after(async () => {
  for (const { accepted, net } of open) {
    for (const socket of accepted) socket.destroy()
    await net?.close()
  }
})

/** Sends bytes and reads them back; the error with which the socket ended otherwise. */
async function echo(socket: Socket): Promise<string> {
  let text = ''
  let ended = false
  let failure: Error | undefined
  socket.start({
    data: (bytes) => {
      text += bytes.toString()
    },
    drain: () => {},
    close: (error) => {
      ended = true
      failure = error
    },
  })
  socket.write(Buffer.from('hello'))
  await until(nodeClock, () => text.length === 5 || ended, { what: 'an echo', timeoutMs })
  socket.destroy()
  if (failure !== undefined) throw failure
  return text
}

const tlsError = (what: RegExp, hint: RegExp) => (error: unknown) => {
  assert.ok(isMillraceError(error, 'MR_TLS_FAILED'), String(error))
  assert.match(error.message, what)
  assert.match(error.hint ?? '', hint)
  assert.equal(error.retriable, false)
  return true
}

describe('TLS', () => {
  it('carries bytes both ways, and tells no name of a client that showed none', async () => {
    const listening = await new Listening().open()
    assert.equal(await echo(await listening.connect({ ca: authority.cert })), 'hello')
    assert.equal(listening.accepted[0]?.peerName, undefined)
  })

  it('tells the subject of the certificate that a client proved to have, as Java writes it', async () => {
    const listening = await new Listening().open({ clientAuth: 'required' })
    assert.equal(await echo(await listening.connect({ ca: authority.cert, ...alice })), 'hello')
    assert.equal(listening.accepted[0]?.peerName, 'CN=alice,O=Mill\\, Race,C=DE')
    assert.equal(subjectOf(new X509Certificate(alice.cert)), 'CN=alice,O=Mill\\, Race,C=DE')
  })

  it('refuses a client without a certificate, which learns why', async () => {
    const listening = await new Listening().open({ clientAuth: 'required' })
    const attempt = listening.connect({ ca: authority.cert }).then(echo)
    await assert.rejects(attempt, tlsError(/refused the certificate of this client/, /tls\.cert/))
    assert.equal(listening.accepted.length, 0)
    assert.equal(listening.refused.length, 1)
  })

  for (const clientAuth of ['required', 'requested'] as const) {
    it(`refuses a certificate of an authority that is not trusted where one is ${clientAuth}`, async () => {
      const listening = await new Listening().open({ clientAuth })
      const mallory = stranger.issue({ subject: [['CN', 'alice']] })
      const attempt = listening.connect({ ca: authority.cert, ...mallory }).then(echo)
      await assert.rejects(attempt.then((text) => assert.equal(text, 'hello')))
      assert.equal(listening.accepted.length, 0)
    })
  }

  it('lets a client in without a certificate where one is requested', async () => {
    const listening = await new Listening().open({ clientAuth: 'requested' })
    assert.equal(await echo(await listening.connect({ ca: authority.cert })), 'hello')
    assert.equal(listening.accepted[0]?.peerName, undefined)
  })

  it('does not talk to a server of an authority that is not known', async () => {
    const listening = await new Listening().open()
    const attempt = listening.connect({ ca: stranger.cert })
    await assert.rejects(attempt, tlsError(/authority that is not known/, /tls\.ca/))
  })

  it('does not talk to a server whose certificate is for another name, unless told so', async () => {
    const other = authority.issue({ subject: [['CN', 'x']], hosts: ['elsewhere.example'] })
    const listening = await new Listening().open(other)
    const attempt = listening.connect({ ca: authority.cert })
    await assert.rejects(attempt, tlsError(/for another name/, /tls\.serverName/))
    assert.equal(
      await echo(await listening.connect({ ca: authority.cert, serverName: 'elsewhere.example' })),
      'hello',
    )
    assert.equal(await echo(await listening.connect({ ca: authority.cert, checkServerName: false })), 'hello')
  })

  it('does not talk to a server whose certificate has expired', async () => {
    const old = authority.issue({ subject: [['CN', 'x']], addresses: ['127.0.0.1'], validDays: [-9, -2] })
    const listening = await new Listening().open(old)
    await assert.rejects(listening.connect({ ca: authority.cert }), tlsError(/has expired/, /Renew/))
  })

  it('says that a port does not speak TLS', async () => {
    const listening = await new Listening().open('plain')
    await assert.rejects(
      listening.connect({ ca: authority.cert }),
      tlsError(/does not speak TLS/, /SASL_SSL/),
    )
  })

  it('refuses a key that does not belong to the certificate, on both sides', async () => {
    const mixed = { cert: server.cert, key: alice.key }
    await assert.rejects(new Listening().open(mixed), tlsError(/cannot be used/, /PEM/))
    const listening = await new Listening().open()
    await assert.rejects(
      listening.connect({ ca: authority.cert, ...mixed }),
      tlsError(/cannot be used/, /PEM/),
    )
  })

  it('speaks only TLS 1.3 if asked, and an older client learns that it shares no version', async () => {
    const listening = await new Listening().open({ versionMin: 'TLSv1.3' })
    assert.equal(await echo(await listening.connect({ ca: authority.cert })), 'hello')
    const old = connectTls({
      host: '127.0.0.1',
      port: listening.net!.port,
      ca: authority.cert,
      maxVersion: 'TLSv1.2',
    })
    const [error] = (await once(old, 'error')) as [Error]
    tlsError(/share no version/, /ssl\.enabled\.protocols/)(tlsFailure('127.0.0.1', error))
    assert.equal(listening.refused.length, 1)
  })

  it('cuts off who does not finish the handshake, and takes only so many at a time', async () => {
    const listening = await new Listening().open({ handshakeTimeoutMs: 150, handshakesMax: 2 })
    const { port } = listening.net!
    const ends: number[] = []
    for (let i = 0; i < 4; i++) {
      const socket = await nodeNet.connect({ host: '127.0.0.1', port, timeoutMs })
      socket.start({ data: () => {}, drain: () => {}, close: () => void ends.push(i) })
    }
    await until(nodeClock, () => ends.length === 4, { what: 'the end of four silent clients', timeoutMs })
    assert.deepEqual(ends.slice(0, 2).sort(), [2, 3])
    assert.ok(listening.refused.includes('too many handshakes at a time'))
    assert.equal(await echo(await listening.connect({ ca: authority.cert })), 'hello')
  })
})
