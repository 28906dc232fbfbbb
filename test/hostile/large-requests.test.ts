/**
 * Requests of 1 MiB that are all arrays, for every API: read in linear time, and dealt with by the broker within a
 * bounded one. The times are printed.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ByteReader } from '../../src/core/byte-reader.ts'
import { isMillraceError } from '../../src/core/errors.ts'
import { apis } from '../../src/protocol/apis/register.ts'
import { decodeRequest } from '../../src/protocol/codec/request.ts'
import { decodeRequestHeader } from '../../src/protocol/codec/request-header.ts'
import type { AnyApi } from '../../src/protocol/schema/message.ts'
import { processorMs, Target } from './one-request.ts'
import { type ArrayLengths, sampleRequest } from './sample-requests.ts'

const REQUEST_BYTES = 1024 * 1024
/** Of the processor, which other work on the machine does not count to; far above what is measured. */
const READ_MS_MAX = 500
const HANDLE_MS_MAX = 3000
/** What one collection of garbage may take. */
const FEW_MS = 100

interface Large {
  readonly api: AnyApi
  readonly version: number
  readonly where: string
  readonly lengthsFor: (count: number) => ArrayLengths
}

/** The outermost arrays long, or those inside of them. */
const places = [
  { where: 'outer arrays', lengthsFor: (count: number) => [count] },
  { where: 'inner arrays', lengthsFor: (count: number) => [1, count] },
  { where: 'innermost arrays', lengthsFor: (count: number) => [1, 1, count] },
]

function* largeRequests(): Generator<Large> {
  for (const api of apis) {
    const [, version] = api.request.versions
    for (const { where, lengthsFor } of places) {
      const grows =
        sampleRequest(api, version, lengthsFor(50)).length > sampleRequest(api, version, lengthsFor(1)).length
      if (grows) yield { api, version, where, lengthsFor }
    }
  }
}

/** A request of about so many bytes, and how many elements its arrays have. */
function requestOf(
  { api, version, lengthsFor }: Large,
  bytes: number,
): { readonly frame: Buffer; readonly count: number } {
  const small = sampleRequest(api, version, lengthsFor(100)).length
  const perElement = (sampleRequest(api, version, lengthsFor(1100)).length - small) / 1000
  const count = Math.floor(bytes / perElement)
  return { frame: sampleRequest(api, version, lengthsFor(count)), count }
}

function readMs(frame: Buffer): number {
  const startMs = processorMs()
  const reader = new ByteReader(frame, 4)
  const { api, version } = decodeRequestHeader(reader)
  decodeRequest(api, version, reader)
  return processorMs() - startMs
}

/** Of several times the least: the others were disturbed. */
const leastReadMs = (frame: Buffer): number => Math.min(...Array.from({ length: 5 }, () => readMs(frame)))

const nameOf = ({ api, version, where }: Large): string => `${api.name} v${version}, ${where}`

function slowest(
  times: readonly { readonly name: string; readonly ms: number; readonly count: number }[],
): string {
  return [...times]
    .sort((a, b) => b.ms - a.ms)
    .slice(0, 5)
    .map(({ name, ms, count }) => `${name} of ${count}: ${ms.toFixed(1)} ms`)
    .join('; ')
}

describe('a request of 1 MiB', () => {
  it('is read in linear time, whatever the API', (test) => {
    const times: { name: string; ms: number; count: number }[] = []
    for (const large of largeRequests()) {
      const { frame, count } = requestOf(large, REQUEST_BYTES)
      const tenth = requestOf(large, REQUEST_BYTES / 10).frame
      const tenthMs = leastReadMs(tenth)
      const ms = leastReadMs(frame)
      times.push({ name: nameOf(large), ms, count })
      assert.ok(ms < READ_MS_MAX, `${nameOf(large)}: ${ms} ms`)
      // Ten times the bytes take ten times the time, not a hundred; a short time may be that of a collection.
      assert.ok(ms < FEW_MS || ms < tenthMs * 60, `${nameOf(large)}: ${tenthMs} ms, then ${ms} ms`)
    }
    assert.ok(times.length > apis.length / 2)
    test.diagnostic(`slowest to read: ${slowest(times)}`)
  })

  it('is dealt with by the broker in bounded time, whatever the API', async (test) => {
    const target = await Target.open()
    const times: { name: string; ms: number; count: number }[] = []
    for (const large of largeRequests()) {
      const { frame, count } = requestOf(large, REQUEST_BYTES)
      try {
        const { ms } = await target.send(frame)
        times.push({ name: nameOf(large), ms, count })
      } catch (error) {
        // A request that is never answered (no acknowledgement asked for) is all right when it is dealt with.
        if (!isMillraceError(error, 'MR_TIMEOUT')) throw error
      }
    }
    await target.close()
    test.diagnostic(`slowest to deal with: ${slowest(times)}`)
    for (const { name, ms } of times) assert.ok(ms < HANDLE_MS_MAX, `${name}: ${ms} ms`)
    assert.ok(times.length > apis.length / 2)
  })
})
