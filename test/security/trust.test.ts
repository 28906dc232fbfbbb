/** S1, S2, S3 and S7: who reaches a broker, who comes in, what they may cost before that, and what after. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, describe, it } from 'node:test'
import tls from 'node:tls'
import { batchOf, type TestBroker } from '../../src/broker/broker-fixture.ts'
import { handlers } from '../../src/broker/handlers/register.ts'
import { connectAs, openWithLogin, plain, SASL_PORT } from '../../src/broker/security/security-fixture.ts'
import type { TcpConnection } from '../../src/client/connection/tcp-connection.ts'
import { within } from '../../src/platform/clock.ts'
import type { Socket } from '../../src/platform/net.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'
import { alterClientQuotas } from '../../src/protocol/apis/alter-client-quotas.ts'
import { alterUserScramCredentials } from '../../src/protocol/apis/alter-user-scram-credentials.ts'
import { apiVersions } from '../../src/protocol/apis/api-versions.ts'
import { metadata } from '../../src/protocol/apis/metadata.ts'
import { produce } from '../../src/protocol/apis/produce.ts'
import { saslAuthenticate } from '../../src/protocol/apis/sasl-authenticate.ts'
import { saslHandshake } from '../../src/protocol/apis/sasl-handshake.ts'
import { ErrorCodes } from '../../src/protocol/error-codes.ts'
import { clientProof, saltPassword } from '../../src/protocol/sasl/scram.ts'
import { endChildren, start } from '../cli/child.ts'
import { SecureBroker } from './secure-broker.ts'

const WAIT_MS = 60_000

/** Addresses that a process listens on: those of its sockets that are in the kernel's tables. */
function listenedOn(pid: number): readonly string[] {
  const descriptors = fs.readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    try {
      return [fs.readlinkSync(`/proc/${pid}/fd/${name}`)]
    } catch {
      return []
    }
  })
  const sockets = new Set(descriptors.map((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1]))
  const LISTENING = '0A'
  return ['tcp', 'tcp6'].flatMap((table) =>
    fs
      .readFileSync(`/proc/net/${table}`, 'latin1')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === LISTENING && sockets.has(fields[9]))
      .map((fields) => fields[1]!.split(':')[0]!),
  )
}

describe('S1', { skip: !fs.existsSync('/proc/net/tcp') && 'it reads the tables of Linux' }, () => {
  afterEach(endChildren)
  const commands: Readonly<Record<string, (directory: string) => readonly string[]>> = {
    serve: () => ['serve', '--port', '0', '--metrics-port', '0'],
    run: (directory) => [
      'run',
      path.join(directory, 'millrace.config.js'),
      '--port',
      '0',
      '--console-port',
      '0',
    ],
  }
  for (const [name, argv] of Object.entries(commands)) {
    it(`millrace ${name} listens on loopback only`, async () => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-s1-'))
      try {
        fs.writeFileSync(path.join(directory, 'millrace.config.js'), 'export default { topics: { a: {} } }\n')
        const child = start([...argv(directory), '--data', path.join(directory, 'data')])
        let text = ''
        const ready = new Promise<void>((resolve, reject) => {
          child.stderr!.on('data', (bytes: Buffer) => {
            text += bytes.toString()
            if (text.includes('"ready"')) resolve()
          })
          child.once('exit', () => reject(new Error(text)))
        })
        await within(nodeClock, WAIT_MS, `millrace ${name} is up`, ready)
        const addresses = listenedOn(child.pid!)
        assert.equal(addresses.length, 2, `${addresses}`)
        // As the kernel writes 127.0.0.1.
        for (const address of addresses) assert.equal(address, '0100007F')
      } finally {
        endChildren()
        fs.rmSync(directory, { recursive: true, force: true })
      }
    })
  }
})

const NONCE = 'fyko'
const mechanism = 'SCRAM-SHA-512'

interface Exchange {
  readonly serverFirst: string
  /** `c=biws,r=…,p=…` as a right client would send it. */
  readonly final: string
}

/** What a client sends instead of the right first and final message. */
const forgeries: Readonly<Record<string, (right: Exchange) => { first?: string; final?: string }>> = {
  'a user that does not exist': () => ({ first: `n,,n=ghost,r=${NONCE}` }),
  'no user': () => ({ first: `n,,n=,r=${NONCE}` }),
  'another authorization id': () => ({ first: `n,a=admin,n=kept,r=${NONCE}` }),
  'a demand for channel binding': () => ({ first: `p=tls-unique,,n=kept,r=${NONCE}` }),
  'no nonce': () => ({ first: 'n,,n=kept,r=' }),
  'only its own nonce back': ({ final }) => ({ final: final.replace(/r=[^,]*/, `r=${NONCE}`) }),
  'a nonce with the end changed': ({ final }) => ({ final: final.replace(/,p=/, 'x,p=') }),
  'no proof': ({ final }) => ({ final: final.replace(/,p=.*/, '') }),
  'a proof that is too short': ({ final }) => ({ final: final.replace(/,p=.*/, ',p=AAAA') }),
  'a proof with a bit changed': ({ final }) => ({
    final: final.replace(/,p=(.)/, (_, one) => `,p=${one === 'A' ? 'B' : 'A'}`),
  }),
  'another channel binding': ({ final }) => ({ final: final.replace('c=biws', 'c=eSws') }),
}

async function exchange(
  broker: TestBroker,
  forge: (typeof forgeries)[string] | undefined,
): Promise<readonly [number, string | null]> {
  const { simulation } = broker
  const connection = await connectAs(broker)
  const say = (text: string) =>
    simulation.runUntil(connection.send(saslAuthenticate, { authBytes: Buffer.from(text) }))
  await simulation.runUntil(connection.send(saslHandshake, { mechanism }))
  const bare = `n=kept,r=${NONCE}`
  const noExchange = { serverFirst: '', final: '' }
  const first = await say(forge?.(noExchange).first ?? `n,,${bare}`)
  if (first.errorCode !== ErrorCodes.NONE) return [first.errorCode, first.errorMessage]
  const serverFirst = first.authBytes.toString()
  const [, nonce = '', salt = '', iterations = ''] = /^r=([^,]*),s=([^,]*),i=(\d+)$/.exec(serverFirst) ?? []
  const salted = saltPassword(mechanism, 'right', {
    salt: Buffer.from(salt, 'base64'),
    iterations: Number(iterations),
  })
  const withoutProof = `c=biws,r=${nonce}`
  const authMessage = `${bare},${serverFirst},${withoutProof}`
  const proof = clientProof(mechanism, salted, authMessage).toString('base64')
  const right = { serverFirst, final: `${withoutProof},p=${proof}` }
  const last = await say(forge?.(right).final ?? right.final)
  return [last.errorCode, last.errorMessage]
}

describe('S2', () => {
  it('a right SCRAM exchange comes in, and ten kinds of forged ones are refused alike', async () => {
    const broker = await openWithLogin()
    broker.broker.putScramUser('kept', 'right')
    assert.equal((await exchange(broker, undefined))[0], ErrorCodes.NONE)
    const texts = new Set<string | null>()
    for (const [what, forge] of Object.entries(forgeries)) {
      const [code, text] = await exchange(broker, forge)
      assert.equal(code, ErrorCodes.SASL_AUTHENTICATION_FAILED, what)
      texts.add(text)
    }
    assert.equal(texts.size, 1, 'nobody learns which part was wrong')
    assert.ok(Object.keys(forgeries).length >= 10)
    await broker.close()
  })

  it('SCRAM credentials have 4,096 to 16,384 iterations', async () => {
    const broker = await openWithLogin()
    const bytes = Buffer.alloc(32, 1)
    for (const [iterations, code] of [
      [4095, ErrorCodes.UNACCEPTABLE_CREDENTIAL],
      [4096, ErrorCodes.NONE],
      [16_384, ErrorCodes.NONE],
      [16_385, ErrorCodes.UNACCEPTABLE_CREDENTIAL],
    ] as const) {
      const upsertions = [{ name: 'carol', mechanism: 1, iterations, salt: bytes, saltedPassword: bytes }]
      const { results } = await broker.send(alterUserScramCredentials, { deletions: [], upsertions })
      assert.equal(results[0]?.errorCode, code, `${iterations}`)
    }
    await broker.close()
  })

  it('TLS is 1.2 or newer, and a listener of certificates lets in nobody without one', async () => {
    const secure = await new SecureBroker().open()
    try {
      const connect = (listener: string, version: tls.SecureVersion): Promise<string> => {
        const [host, port] = secure.addresses.get(listener)!.split(':')
        const ca = secure.authority.cert
        const options = { host, port: Number(port), ca, minVersion: version, maxVersion: version }
        return new Promise((resolve) => {
          // OpenSSL's own level would keep the client from offering what is old.
          const socket = tls.connect({ ...options, ciphers: 'DEFAULT@SECLEVEL=0' })
          socket.on('data', () => {})
          socket.once('secureConnect', () => {
            // In TLS 1.3 the broker's verdict on the certificate comes after the client's handshake.
            if (listener === 'MTLS') return
            socket.destroy()
            resolve('in')
          })
          socket.once('error', () => resolve('out'))
          socket.once('close', () => resolve('out'))
        })
      }
      const outcomes = await within(
        nodeClock,
        WAIT_MS,
        'handshakes',
        Promise.all([
          connect('SASL_SSL', 'TLSv1.1'),
          connect('SASL_SSL', 'TLSv1.2'),
          connect('SASL_SSL', 'TLSv1.3'),
          connect('MTLS', 'TLSv1.2'),
          connect('MTLS', 'TLSv1.3'),
        ]),
      )
      assert.deepEqual(outcomes, ['out', 'in', 'in', 'out', 'out'])
    } finally {
      await secure.close()
    }
  })
})

class Outsider {
  closed = false
  received = 0
  readonly socket: Socket

  static connect({ simulation }: TestBroker, host = 'client'): Promise<Outsider> {
    const { net } = simulation.host(host).platform
    const opening = net.connect({ host: 'local', port: SASL_PORT, timeoutMs: 1000 })
    return simulation.runUntil(opening.then((socket) => new Outsider(socket)))
  }

  private constructor(socket: Socket) {
    this.socket = socket
    const close = (): void => {
      this.closed = true
    }
    const data = (bytes: Buffer): void => {
      this.received += bytes.length
    }
    socket.start({ data, drain() {}, close })
  }

  /** A request of which only the header is there: nothing else of it may be looked at. */
  ask(apiKey: number, version: number): void {
    const frame = Buffer.alloc(15)
    frame.writeInt32BE(11, 0)
    frame.writeInt16BE(apiKey, 4)
    frame.writeInt16BE(version, 6)
    frame.writeInt16BE(-1, 12)
    this.socket.write(frame)
  }
}

describe('S3', () => {
  it('before a login every API but three ends the connection unanswered', async () => {
    const broker = await openWithLogin()
    const served = new Set([apiVersions.key, saslHandshake.key, saslAuthenticate.key])
    const refused = handlers.filter(({ api }) => !served.has(api.key))
    assert.ok(refused.length > 45)
    for (const { api, versions } of refused) {
      const outsider = await Outsider.connect(broker)
      outsider.ask(api.key, versions[0])
      await broker.simulation.runUntil(() => outsider.closed)
      assert.equal(outsider.received, 0, api.name)
    }
    const outsider = await Outsider.connect(broker)
    outsider.ask(apiVersions.key, 0)
    await broker.simulation.runUntil(() => outsider.received > 0)
    assert.equal(outsider.closed, false)
    await broker.close()
  })

  it('a frame of more than 512 KiB ends the connection before it has arrived', async () => {
    const broker = await openWithLogin()
    for (const [bytes, closed] of [
      [512 * 1024, false],
      [512 * 1024 + 1, true],
    ] as const) {
      const outsider = await Outsider.connect(broker)
      const length = Buffer.alloc(4)
      length.writeInt32BE(bytes, 0)
      outsider.socket.write(length)
      await broker.advance(1000)
      assert.equal(outsider.closed, closed, `${bytes} bytes`)
    }
    assert.ok(broker.broker.metrics().requestMemoryBytes <= 4096, 'what was announced is not allocated')
    await broker.close()
  })

  it('who has not logged in after 10 seconds is cut off, also in the middle of a login', async () => {
    const broker = await openWithLogin()
    const silent = await Outsider.connect(broker)
    const halfway = await connectAs(broker)
    await broker.simulation.runUntil(halfway.send(saslHandshake, { mechanism }))
    await broker.advance(9_000)
    assert.deepEqual([silent.closed, halfway.closed], [false, false])
    await broker.advance(6_000)
    assert.deepEqual([silent.closed, halfway.closed], [true, true])
    await broker.close()
  })

  it('one address has a bounded number of connections, and idle ones keep nobody who logs in from being served', async () => {
    const broker = await openWithLogin({ 'max.connections.per.ip': 200, 'super.users': 'User:alice' })
    const idle: Outsider[] = []
    for (let at = 0; at < 201; at++) idle.push(await Outsider.connect(broker, 'flood'))
    await broker.simulation.runUntil(() => idle.some(({ closed }) => closed))
    assert.equal(idle.filter(({ closed }) => closed).length, 1)
    const { requestMemoryBytes, responseMemoryBytes } = broker.broker.metrics()
    assert.deepEqual([requestMemoryBytes, responseMemoryBytes], [0, 0])
    const alice = await connectAs(broker, plain('alice'))
    const answer = await broker.simulation.runUntil(alice.send(metadata, { topics: null }, { version: 9 }))
    assert.equal(answer.brokers.length, 1)
    await broker.close()
  })
})

const records = (bytes: number) => ({
  acks: 1,
  timeoutMs: 1000,
  topicData: [{ name: 'clicks', partitionData: [{ index: 0, records: batchOf(['x'.repeat(bytes)]) }] }],
})

describe('S7', () => {
  it('a client that floods within its quota is held back, and others wait less than twice as long as without it', async () => {
    const broker = await openWithLogin({ 'super.users': 'User:alice;User:bob' })
    const { simulation } = broker
    await broker.send(metadata, { topics: [{ name: 'clicks' }], allowAutoTopicCreation: true })
    const entity = [{ entityType: 'user', entityName: 'alice' }]
    const ops = [{ key: 'producer_byte_rate', value: 100_000, remove: false }]
    await broker.send(alterClientQuotas, { entries: [{ entity, ops }], validateOnly: false })
    const [alice, bob] = [await connectAs(broker, plain('alice')), await connectAs(broker, plain('bob'))]
    const slowestMs = async (): Promise<number> => {
      let most = 0
      for (let at = 0; at < 100; at++) {
        const startMs = simulation.clock.monotonicMs()
        const answer = await simulation.runUntil(bob.send(produce, records(100), { version: 9 }))
        assert.equal(answer.throttleTimeMs, 0)
        most = Math.max(most, simulation.clock.monotonicMs() - startMs)
      }
      return most
    }
    const aloneMs = await slowestMs()
    const flood = floodBy(alice)
    const besideMs = await slowestMs()
    assert.ok(besideMs < 2 * aloneMs, `${besideMs} ms beside, ${aloneMs} ms alone`)
    await simulation.advance(60_000)
    const taken = broker.broker.metrics().partitions.find(({ topic }) => topic === 'clicks')!.bytesIn
    // What its rate and its burst of ten seconds allow in the minute, and one request more.
    assert.ok(taken < 100_000 * 75, `${taken} bytes of the flood were taken`)
    assert.ok(
      flood.waitMs > 0 && flood.answered > 0 && flood.open > 0,
      'it is told to wait, and not read from',
    )
    await broker.close()
  })
})

/** Two hundred requests at once, far more than the quota allows. */
function floodBy(connection: TcpConnection): { answered: number; open: number; waitMs: number } {
  const flood = { answered: 0, open: 200, waitMs: 0 }
  for (let at = 0; at < 200; at++) {
    connection.send(produce, records(100_000), { version: 9, timeoutMs: 600_000 }).then(
      ({ throttleTimeMs }) => {
        flood.open--
        flood.answered++
        flood.waitMs = Math.max(flood.waitMs, throttleTimeMs)
      },
      // The end of the broker ends those that wait.
      () => {},
    )
  }
  return flood
}
