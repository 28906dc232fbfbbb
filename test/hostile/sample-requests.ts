/** Valid requests of every API in every version that the broker serves, made from the tables of the protocol. */

import { batchOf } from '../../src/broker/broker-fixture.ts'
import { apis } from '../../src/protocol/apis/register.ts'
import { encodeRequest } from '../../src/protocol/codec/request.ts'
import { type Form, layoutOf } from '../../src/protocol/schema/layout.ts'
import type { AnyApi } from '../../src/protocol/schema/message.ts'
import type { Fields, FieldType } from '../../src/protocol/schema/types.ts'

export const TOPIC = 'attacked'

export interface SampleFrame {
  readonly api: AnyApi
  readonly version: number
  readonly bytes: Buffer
}

/** How long the arrays are, outermost first; deeper ones have one element. */
export type ArrayLengths = readonly number[]

function sampleValue(
  type: FieldType,
  name: string,
  form: Form,
  lengths: ArrayLengths,
  number: number,
): unknown {
  switch (type.kind) {
    case 'bool':
      // CreateTopics and its like only check.
      return name === 'validateOnly'
    case 'int64':
      return 0n
    case 'string':
      return /topic|^name$/i.test(name) ? (number === 0 ? TOPIC : `${TOPIC}-${number}`) : `text ${number}`
    case 'bytes':
      return Buffer.from([1, 2, 3])
    case 'records':
      return batchOf(['a record'])
    case 'uuid':
      return Buffer.alloc(16, 9)
    case 'array': {
      const [length = 1, ...deeper] = lengths
      return Array.from({ length }, (_, index) => sampleValue(type.element, name, form, deeper, index))
    }
    case 'struct':
      return sampleStruct(type.fields, form, lengths, number)
    default:
      return 0
  }
}

function sampleStruct(
  fields: Fields,
  form: Form,
  lengths: ArrayLengths,
  number: number,
): Record<string, unknown> {
  const { plain, tagged } = layoutOf(fields, form)
  const entries = [...plain, ...tagged].map(({ name, spec }) => [
    name,
    sampleValue(spec.type, name, form, lengths, number),
  ])
  return Object.fromEntries(entries)
}

export function sampleRequest(api: AnyApi, version: number, lengths: ArrayLengths = []): Buffer {
  const form = { version, flexible: version >= api.flexibleFrom }
  const body = sampleStruct(api.request.fields, form, lengths, 0)
  return encodeRequest(api, version, { correlationId: 7, clientId: 'hostile' }, body as never)
}

export function sampleFrames(): readonly SampleFrame[] {
  return apis.flatMap((api) => {
    const [first, last] = api.request.versions
    return Array.from({ length: last - first + 1 }, (_, index) => {
      const version = first + index
      return { api, version, bytes: sampleRequest(api, version) }
    })
  })
}
