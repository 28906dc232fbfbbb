/**
 * What a real Kafka answered to the same scenarios, kept in golden/ per client, and how our answers may differ.
 *
 * With MILLRACE_TEST_BROKERS the answers are those of the Kafka that is named: UPDATE_GOLDEN=1 writes them down,
 * otherwise they must be as they were (real-kafka.test.ts does that with a Kafka of its own). Without it they are ours,
 * and every difference must stand in `differences`.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import type { Answers } from './scenario.ts'
import { namedBrokers } from './target.ts'

export interface Difference {
  /** Of a client, or the kind of an edge case. */
  readonly scenario: string
  readonly answer: string
  readonly kafka: unknown
  readonly ours: unknown
  readonly why: string
}

/** Where our broker answers otherwise, for whatever client. */
export const differences: readonly Difference[] = [
  {
    scenario: 'admin',
    answer: 'an unknown operation on a config',
    kafka: ['UNKNOWN_SERVER_ERROR'],
    ours: ['INVALID_CONFIG'],
    why: 'The request is at fault, not the broker.',
  },
]

type Golden = Record<string, Answers>

const fileOf = (client: string): string => path.join(import.meta.dirname, 'golden', `${client}.json`)

function readGolden(client: string): Golden {
  const file = fileOf(client)
  return fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, 'utf8')) as Golden) : {}
}

function differs(scenario: string, answer: string, kafka: unknown, ours: unknown): boolean {
  const known = differences.find((one) => one.scenario === scenario && one.answer === answer)
  if (known === undefined) return !equal(kafka, ours)
  return !equal([known.kafka, known.ours], [kafka, ours])
}

function equal(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(a, b)
    return true
  } catch {
    return false
  }
}

/** Compares what was answered in one scenario; keeps it if asked to. */
export function checkAnswers(client: string, scenario: string, answers: Answers): void {
  const golden = readGolden(client)
  if (namedBrokers !== undefined && process.env['UPDATE_GOLDEN'] === '1') {
    golden[scenario] = { ...golden[scenario], ...answers }
    fs.mkdirSync(path.dirname(fileOf(client)), { recursive: true })
    fs.writeFileSync(fileOf(client), `${JSON.stringify(golden, undefined, 2)}\n`)
    return
  }
  const expected = golden[scenario]
  // A scenario that restarts the broker has no answers of a Kafka that is named.
  if (expected === undefined && Object.keys(answers).length === 0) return
  assert.ok(expected !== undefined, `golden/${client}.json has no answers of Kafka for "${scenario}"`)
  if (namedBrokers !== undefined) {
    for (const [answer, now] of Object.entries(answers)) assert.deepEqual(now, expected[answer], answer)
    return
  }
  assert.deepEqual(
    Object.keys(answers).filter((answer) => !(answer in expected)),
    [],
    `golden/${client}.json has no such answers of Kafka`,
  )
  for (const [answer, ours] of Object.entries(answers)) {
    if (!differs(scenario, answer, expected[answer], ours)) continue
    assert.fail(
      `${answer}: Kafka ${JSON.stringify(expected[answer])}, ours ${JSON.stringify(ours)}: ` +
        'mend it, or name it in test/clients/answers.ts',
    )
  }
}
