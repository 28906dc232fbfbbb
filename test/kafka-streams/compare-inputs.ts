/**
 * The same topologies over the same random inputs, in Kafka Streams and here: the outputs are equal record by record
 * (key, value, timestamp, order).
 *
 * STREAMS_INPUTS=1000 runs that many inputs per topology, STREAMS_TOPOLOGY=name one of them.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { testDriver } from '../../src/testing/test-driver.ts'
import { randomInputs } from './inputs.ts'
import { type ComparedTopology, pipelineOf, shapeOf, topologies } from './topologies.ts'
import type { InputRecord, OutputRecord, StartedWitness } from './witness.ts'

const quickInputCount = Number(process.env['STREAMS_INPUTS'] ?? 50)
const slowInputCount = Math.max(10, process.env['STREAMS_INPUTS'] === undefined ? 0 : quickInputCount)
const only = process.env['STREAMS_TOPOLOGY']

function ours(topology: ComparedTopology, records: readonly InputRecord[]): OutputRecord[] {
  const driver = testDriver(pipelineOf(topology))
  for (const [topic, key, value, timestampMs] of records)
    driver.topic(topic).append(value, { key, timestampMs })
  const dead = driver.topic('compared-dead-letters').read()
  const refused = records.filter(
    ([topic, , value]) => value === null && !shapeOf(topology).tables.includes(topic),
  )
  assert.equal(dead.length, refused.length, 'only null values of streams are put aside')
  return driver
    .topic('out')
    .read<string | null, string | null>()
    .map(({ key, value, timestampMs }) => [key, value, timestampMs])
}

function madeAlike({ alike }: ComparedTopology, records: readonly OutputRecord[]): readonly OutputRecord[] {
  const kept = alike?.last ? [...new Map(records.map((record) => [record[0], record])).values()] : records
  const timeless = alike?.timeless ? kept.map(([key, value]): OutputRecord => [key, value, 0]) : kept
  if (alike?.sorted === undefined) return timeless
  const inOrder = alike.sorted === 'all' ? () => false : ([, value]: OutputRecord) => !value?.includes('null')
  const others = timeless.filter((record) => !inOrder(record))
  others.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  return [...timeless.filter(inOrder), ...others]
}

function inputText(records: readonly InputRecord[]): string {
  return records.map((record) => JSON.stringify(record)).join('\n')
}

/** The input with everything left out that the difference does not need. */
async function shrunk(
  differs: (records: readonly InputRecord[]) => Promise<boolean>,
  from: readonly InputRecord[],
  keptAtEnd: number,
): Promise<readonly InputRecord[]> {
  let least = from
  for (let at = least.length - 1 - keptAtEnd; at >= 0; at--) {
    const fewer = least.toSpliced(at, 1)
    if (await differs(fewer)) least = fewer
  }
  return least
}

export function compareInputs({ witness, skip }: StartedWitness): void {
  for (const topology of topologies.filter(({ name }) => only === undefined || name === only)) {
    it(`in ${topology.name}`, { skip }, async () => {
      let results = 0
      const inputCount = topology.slow ? slowInputCount : quickInputCount
      for (let seed = 0; seed < inputCount; seed++) {
        const outcome = async (records: readonly InputRecord[]) => {
          const results = (await witness?.run(topology.name, records)) ?? []
          const outputs = results.map(([key, value, timestampMs]): OutputRecord => [key, value, timestampMs])
          const theirs = madeAlike(topology, outputs)
          return { theirs, ours: madeAlike(topology, ours(topology, records)) }
        }
        const input = randomInputs(seed, shapeOf(topology))
        const first = await outcome(input)
        results += first.theirs.length
        if (JSON.stringify(first.ours) === JSON.stringify(first.theirs)) continue
        const differs = async (records: readonly InputRecord[]): Promise<boolean> => {
          const one = await outcome(records)
          return JSON.stringify(one.ours) !== JSON.stringify(one.theirs)
        }
        const least = await shrunk(differs, input, shapeOf(topology).lastLeap ? 1 : 0)
        const { ours: actual, theirs: expected } = await outcome(least)
        assert.deepEqual(actual, expected, `seed ${seed}:\n${inputText(least)}`)
      }
      assert.ok(results >= inputCount, `the inputs give results: ${results}`)
    })
  }
}
