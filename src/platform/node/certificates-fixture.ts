/**
 * Certificates for tests, made when they are needed: an authority and what it signs, as PEM.
 *
 * X.509 v3 is written here in DER (RFC 5280 §4.1), with ECDSA on P-256, because Node can read certificates but
 * cannot make any, and a test must not hang on an openssl that may be missing.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export interface MadeCertificate {
  readonly cert: string
  readonly key: string
}

export interface CertificateOptions {
  /** Parts of the subject in the order of the certificate: `[['O', 'Millrace'], ['CN', 'alice']]`. */
  readonly subject: readonly (readonly [keyof typeof attributes, string])[]
  readonly hosts?: readonly string[]
  readonly addresses?: readonly string[]
  /** Days from now on which it begins and ends to be valid; -1 and 30 if not given. */
  readonly validDays?: readonly [first: number, last: number]
}

const attributes = { C: '550406', O: '55040a', OU: '55040b', CN: '550403' } as const
const EC_WITH_SHA256 = '2a8648ce3d040302'
const BASIC_CONSTRAINTS = '551d13'
const SUBJECT_ALT_NAME = '551d11'
const DAY_MS = 86_400_000

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const { length } = body
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), body])
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const integer = (bytes: Uint8Array): Buffer => der(0x02, bytes)
const octets = (bytes: Uint8Array): Buffer => der(0x04, bytes)
const bits = (bytes: Uint8Array): Buffer => der(0x03, Buffer.from([0]), bytes)
const algorithm = sequence(oid(EC_WITH_SHA256))

function nameOf(subject: CertificateOptions['subject']): Buffer {
  return sequence(
    ...subject.map(([attribute, text]) =>
      der(0x31, sequence(oid(attributes[attribute]), der(0x0c, Buffer.from(text, 'utf8')))),
    ),
  )
}

function time(ms: number): Buffer {
  const text = new Date(ms).toISOString()
  return der(0x18, Buffer.from(`${text.slice(0, 19).replaceAll(/[-:T]/g, '')}Z`))
}

function extension(id: string, value: Uint8Array): Buffer {
  return sequence(oid(id), octets(value))
}

function alternativeNames({ hosts = [], addresses = [] }: CertificateOptions): Buffer[] {
  const names = [
    ...hosts.map((host) => der(0x82, Buffer.from(host))),
    ...addresses.map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
  ]
  return names.length === 0 ? [] : [extension(SUBJECT_ALT_NAME, sequence(...names))]
}

/** An authority that signs certificates; its own is self-signed. */
export class TestAuthority {
  readonly cert: string
  private readonly key: KeyObject
  private readonly name: Buffer
  private readonly nowMs: number
  private serial = 1

  constructor(nowMs: number, name = 'Test Authority') {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.nowMs = nowMs
    this.key = pair.privateKey
    this.name = nameOf([['CN', name]])
    const isAuthority = extension(BASIC_CONSTRAINTS, sequence(der(0x01, Buffer.from([0xff]))))
    this.cert = this.certificate(this.name, pair.publicKey, [-1, 30], [isAuthority])
  }

  issue(options: CertificateOptions): MadeCertificate {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { subject, validDays = [-1, 30] } = options
    return {
      cert: this.certificate(nameOf(subject), pair.publicKey, validDays, alternativeNames(options)),
      key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    }
  }

  private certificate(
    subject: Buffer,
    key: KeyObject,
    [first, last]: readonly [number, number],
    extensions: readonly Buffer[],
  ): string {
    const seed = createHash('sha256')
      .update(this.name)
      .update(`${this.serial++}`)
      .digest()
    const serial = Buffer.concat([Buffer.from([1]), seed.subarray(0, 8)])
    const content = sequence(
      der(0xa0, integer(Buffer.from([2]))),
      integer(serial),
      algorithm,
      this.name,
      sequence(time(this.nowMs + first * DAY_MS), time(this.nowMs + last * DAY_MS)),
      subject,
      key.export({ type: 'spki', format: 'der' }),
      ...(extensions.length === 0 ? [] : [der(0xa3, sequence(...extensions))]),
    )
    const whole = sequence(content, algorithm, bits(sign('sha256', content, this.key)))
    const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
    return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
  }
}
