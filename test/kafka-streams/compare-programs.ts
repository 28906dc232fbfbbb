/**
 * Programs at random over random inputs, in Kafka Streams and here: the outputs are equal as far as is promised.
 *
 * STREAMS_PROGRAMS=20000 runs that many, STREAMS_PROGRAM=seed one of them.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { MillraceError } from '../../src/core/errors.ts'
import { headerText, textHeader } from '../../src/core/record.ts'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'
import { randomInputs } from './inputs.ts'
import type { Program, Promised, RandomProgram } from './programs/program.ts'
import { programPipeline } from './programs/program-pipeline.ts'
import { randomProgram } from './programs/random-program.ts'
import type { CausedRecord, InputRecord, StartedWitness, Witness } from './witness.ts'

const only = process.env['STREAMS_PROGRAM']
const programCount = Number(process.env['STREAMS_PROGRAMS'] ?? 250)
const inputsPerProgram = 2
const programsPerTest = 50

/** At the epoch, where windows are cut off, and today. */
const starts = [100, 100, 0, 3, 1_700_000_000_000]

function inputsOf(one: RandomProgram, seed: number): InputRecord[] {
  const records = randomInputs(seed, {
    ...{ topics: one.topics, tables: one.tables, lateMs: one.lateMs, references: true, nullKeys: true },
    ...{ nullValues: false, ticks: false, lastLeap: false, nullsInTime: true },
    distinct: one.versioned ? 'of-key' : 'none',
    startMs: starts[seed % starts.length]!,
  })
  // Time passes at last, tables first, so that all windows close and everything has been given out.
  const newestMs = Math.max(...records.map(([, , , timestampMs]) => timestampMs))
  const topics = one.topics.toSorted().reverse()
  for (const leapMs of [5000, 10_000])
    for (const topic of topics) records.push([topic, 'last', 'z0', newestMs + leapMs])
  return records
}

/** Undefined for a program whose parts would feed each other in a circle, which a pipeline refuses. */
function driverOf(program: Program): TestDriver | undefined {
  try {
    return testDriver(programPipeline(program))
  } catch (error) {
    if (error instanceof MillraceError && error.message.includes('from itself')) return undefined
    throw error
  }
}

function ours(driver: TestDriver, program: Program, records: readonly InputRecord[]): CausedRecord[] {
  const results: CausedRecord[] = []
  for (const [cause, [topic, key, value, timestampMs]] of records.entries()) {
    const headers = [textHeader('cause', `${cause}`)]
    driver.topic(topic).append(value, { key, timestampMs, headers })
    for (const output of program.outputs.keys())
      for (const result of driver.topic(`out${output}`).read<string | null, string | null>()) {
        const header = headerText(result.headers, 'cause') ?? null
        results.push([result.key, result.value, result.timestampMs, cause, output, header])
      }
  }
  assert.deepEqual(driver.topic('compared-dead-letters').read(), [], 'nothing is put aside')
  return results
}

/** What is compared of the results of one output. */
function promisedPart({ order, headers }: Promised, results: readonly CausedRecord[]): readonly unknown[] {
  switch (order) {
    case 'same':
      return results.map(([key, value, timestampMs, cause, , header]) =>
        headers ? [key, value, timestampMs, cause, header] : [key, value, timestampMs, cause],
      )
    case 'set':
      return results.map((result) => JSON.stringify(result.slice(0, 3))).sort()
    case 'timeless':
      return results.map((result) => JSON.stringify(result.slice(0, 2))).sort()
    case 'last': {
      const last = [...new Map(results.map(([key, value]) => [key, value]))]
      // A key that is gone, and one that never was.
      return last
        .map(([key, value]) => JSON.stringify([key, value]))
        .filter((text) => !text.endsWith(',null]'))
        .sort()
    }
  }
}

/** Returns how many results were compared. */
async function compareOne(witness: Witness, seed: number): Promise<number> {
  const one = randomProgram(seed)
  const { program, promises } = one
  let compared = 0
  for (let at = 0; at < inputsPerProgram; at++) {
    const driver = driverOf(program)
    if (driver === undefined) return compared
    const records = inputsOf(one, seed * inputsPerProgram + at)
    const actual = ours(driver, program, records)
    const expected = await witness.run(program, records)
    for (const [output, promised] of promises.entries()) {
      const of = (results: readonly CausedRecord[]) =>
        promisedPart(
          promised,
          results.filter((result) => result[4] === output),
        )
      const [here, there] = [of(actual), of(expected)]
      compared += there.length
      if (JSON.stringify(here) === JSON.stringify(there)) continue
      const steps = program.steps.map((step, index) => `${index} ${JSON.stringify(step)}`)
      const inputs = records.map((record) => JSON.stringify(record))
      const text = [`STREAMS_PROGRAM=${seed}, out${output}, ${promised.order}`, ...steps, ...inputs].join(
        '\n',
      )
      assert.deepEqual(here, there, text)
    }
  }
  return compared
}

export function comparePrograms({ witness, skip }: StartedWitness): void {
  const seeds = only === undefined ? Array.from({ length: programCount }, (_, seed) => seed) : [Number(only)]
  for (let from = 0; from < seeds.length; from += programsPerTest) {
    const part = seeds.slice(from, from + programsPerTest)
    it(`in programs ${part[0]} to ${part.at(-1)}`, { skip }, async () => {
      let compared = 0
      if (witness !== undefined) for (const seed of part) compared += await compareOne(witness, seed)
      assert.ok(only !== undefined || compared > part.length, `there are results to compare: ${compared}`)
    })
  }
}
