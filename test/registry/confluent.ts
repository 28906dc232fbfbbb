/** Confluent's serialisers for Python, asked by lines of JSON: see confluent_serialisers.py. */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { within } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { pythonOf } from './programs.ts'

export type SchemaKind = 'avro' | 'json' | 'protobuf'

export interface ConfluentOrder {
  readonly do: 'write' | 'read'
  readonly type: SchemaKind
  readonly topic: string
  readonly schema?: string
  /** Of the file that the program makes itself. */
  readonly message?: string
  readonly in?: 'prefix' | 'header'
  readonly value?: unknown
  readonly bytes?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface ConfluentAnswer {
  readonly error?: string
  readonly value?: unknown
  readonly bytes?: string
  readonly headers?: Readonly<Record<string, string>>
}

const TIMEOUT_MS = 120_000

/** Runs the program for these orders; one answer for each. */
export async function askConfluent(
  home: string,
  url: string,
  orders: readonly ConfluentOrder[],
): Promise<readonly ConfluentAnswer[]> {
  const script = path.join(import.meta.dirname, 'confluent_serialisers.py')
  const child = spawn(pythonOf(home), [script, url], {
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  let complaints = ''
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString()
  })
  child.stderr.on('data', (bytes: Buffer) => {
    complaints += bytes.toString()
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  child.stdin.end(orders.map((order) => `${JSON.stringify(order)}\n`).join(''))
  try {
    const status = await within(
      nodePlatform().clock,
      TIMEOUT_MS,
      "the answer of Confluent's serialisers",
      ended,
    )
    if (status !== 0) throw new Error(`the serialisers ended with ${status}\n${complaints}`)
  } finally {
    child.kill('SIGKILL')
  }
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ConfluentAnswer)
}
