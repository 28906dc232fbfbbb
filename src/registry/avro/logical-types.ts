/**
 * Logical types, as values that survive JSON:
 *
 * - `decimal`: a text such as `"-12.30"`, with as many digits behind the point as the schema's scale; to write, a text,
 *   a bigint or a number that has no more of them;
 * - `timestamp-millis`, `timestamp-micros`, `time-…`, `date`, `uuid` and all others: what they stand on, so milliseconds
 *   since the epoch, microseconds, days, and a text.
 */
import type { Schema, Type, types } from 'avsc'
import { invariant } from '../../core/invariant.ts'

type Avsc = typeof import('avsc')
type LogicalTypeClass = new (schema: Schema, options?: unknown) => types.LogicalType

interface DecimalSchema {
  readonly precision?: unknown
  readonly scale?: unknown
  readonly size?: unknown
}

const classes = new WeakMap<Avsc, LogicalTypeClass>()

/** The class for `decimal`, one per copy of the package. */
export function decimalType(avsc: Avsc): LogicalTypeClass {
  let found = classes.get(avsc)
  if (found === undefined) {
    found = makeDecimalType(avsc)
    classes.set(avsc, found)
  }
  return found
}

function makeDecimalType(avsc: Avsc): LogicalTypeClass {
  return class DecimalType extends avsc.types.LogicalType {
    readonly scale: number
    readonly precision: number
    private readonly size: number | undefined

    constructor(schema: Schema, options?: unknown) {
      super(schema, options)
      const { precision, scale = 0, size } = schema as DecimalSchema
      this.precision = wholeNumber(precision, 1)
      this.scale = wholeNumber(scale, 0)
      this.size = size === undefined ? undefined : wholeNumber(size, 1)
      if (this.scale > this.precision) throw new Error('a decimal with a scale above its precision')
    }

    protected override _fromValue(bytes: Buffer): string {
      return decimalText(unscaledOf(bytes), this.scale)
    }

    protected override _toValue(value: unknown): Buffer | undefined {
      const unscaled = unscaledFrom(value, this.scale)
      if (unscaled === undefined || digitsOf(unscaled) > this.precision) return undefined
      return bytesOf(unscaled, this.size)
    }

    protected override _export(attributes: Schema): void {
      Object.assign(attributes as object, { precision: this.precision, scale: this.scale })
    }

    protected override _resolve(type: Type): ((value: unknown) => unknown) | undefined {
      return type instanceof DecimalType && type.scale === this.scale ? (value) => value : undefined
    }
  }
}

function wholeNumber(value: unknown, least: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value
  throw new Error(`a decimal with the precision, scale or size ${String(value)}`)
}

const digitsOf = (unscaled: bigint): number => String(unscaled < 0n ? -unscaled : unscaled).length

/** Two's complement, big-endian. */
function unscaledOf(bytes: Buffer): bigint {
  if (bytes.length === 0) return 0n
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
}

function bytesOf(unscaled: bigint, size: number | undefined): Buffer | undefined {
  let count = 1
  while (BigInt.asIntN(count * 8, unscaled) !== unscaled) count++
  if (size !== undefined && count > size) return undefined
  const width = size ?? count
  return Buffer.from(
    BigInt.asUintN(width * 8, unscaled)
      .toString(16)
      .padStart(width * 2, '0'),
    'hex',
  )
}

function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : ''
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** Undefined when it is no decimal, or has digits that the scale would cut off. */
function unscaledFrom(value: unknown, scale: number): bigint | undefined {
  if (typeof value === 'bigint') return value * 10n ** BigInt(scale)
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string') return undefined
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text)
  if (match === null) return undefined
  const [, sign = '', whole = '', fraction = ''] = match
  const kept = fraction.replace(/0+$/, '')
  if (kept.length > scale) return undefined
  const unscaled = BigInt(whole + kept.padEnd(scale, '0'))
  return sign === '-' ? -unscaled : unscaled
}

/** `long` as a bigint, or as a number that is exact within ±2^53. */
export function longType(avsc: Avsc, as: 'number' | 'bigint'): types.LongType {
  return as === 'bigint' ? longAsBigint(avsc) : longAsNumber(avsc)
}

/** What the package reads from and writes to. */
interface Tap {
  pos: number
  readLong(): number
  unpackLongBytes(): Buffer
  packLongBytes(bytes: Buffer): void
}

interface LongMethods {
  _read(tap: Tap): number
  _write(tap: Tap, value: unknown): void
}

/** The package doubles a number on its way, so from here on it gives back another one. */
const DOUBLED_MAX = 2 ** 52

/** The package's own type, so that it is promoted and found in unions as that, but exact to the end. */
function longAsNumber(avsc: Avsc): types.LongType {
  const own = avsc.types.LongType.prototype as unknown as LongMethods
  class ExactLong extends avsc.types.LongType {
    // A resolver takes it over: `this` may be another type.
    _read(tap: Tap): number {
      const start = tap.pos
      const value = tap.readLong()
      if (value > -DOUBLED_MAX && value < DOUBLED_MAX) return value
      tap.pos = start
      const exact = Number(tap.unpackLongBytes().readBigInt64LE())
      if (Number.isSafeInteger(exact)) return exact
      throw new Error("a long is beyond 2^53: read it with longs: 'bigint'")
    }

    _write(tap: Tap, value: unknown): void {
      if (!Number.isSafeInteger(value) || Math.abs(value as number) < DOUBLED_MAX) {
        own._write.call(this, tap, value)
        return
      }
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(BigInt(value as number))
      tap.packLongBytes(bytes)
    }
  }
  return new ExactLong()
}

function longAsBigint(avsc: Avsc): types.LongType {
  const bytes = Buffer.alloc(8)
  return avsc.types.LongType.__with({
    fromBuffer: (read: Buffer) => read.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      bytes.writeBigInt64LE(value)
      return bytes
    },
    fromJSON: (value: number | string) => BigInt(value),
    toJSON: (value: bigint) => {
      invariant(Number.isSafeInteger(Number(value)), 'a default of a long is within 2^53')
      return Number(value)
    },
    isValid: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
    compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
  })
}
