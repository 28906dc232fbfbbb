/** docs/reference/clients.md, printed from results. */
import { type Difference, differences } from './answers.ts'
import type { ScenarioName } from './scenario.ts'
import { scenarios } from './scenarios.ts'

export interface ClientResult {
  readonly title: string
  readonly language: string
  readonly version: string
  readonly cells: Readonly<Partial<Record<ScenarioName, 'passes' | 'lacks'>>>
  readonly lacks: Readonly<Partial<Record<ScenarioName, string>>>
  readonly notes: readonly string[]
}

/** Of Apache Kafka, beside its clients. */
export interface ProgramResult {
  readonly title: string
  readonly shows: readonly string[]
}

const head = `# Kafka clients

<!-- Printed by the tests in test/clients: MILLRACE_PRINT_CLIENTS=1 npm test -- test/clients. Do not edit. -->

These clients, made by other people and installed from their registries, are run against the broker by the test suite.
✓ has passed, · is something that the client itself has not got, ✗ has failed or was not run.

`

const marks = { passes: '✓', lacks: '·' } as const

function table(results: readonly ClientResult[]): string {
  const names = scenarios.map(({ name }) => name)
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  const cellsOf = ({ cells }: ClientResult): string[] =>
    names.map((name) => (cells[name] === undefined ? '✗' : marks[cells[name]]))
  return (
    row(['client', 'version', ...names]) +
    row(['---', '---', ...names.map(() => ':-:')]) +
    results.map((one) => row([`${one.title} (${one.language})`, one.version, ...cellsOf(one)])).join('')
  )
}

function columns(): string {
  const line = ({ name, shows }: (typeof scenarios)[number]): string =>
    `- **${name}**: the client ${shows}.\n`
  return `\n## What the columns show\n\n${scenarios.map(line).join('')}`
}

function notes(results: readonly ClientResult[]): string {
  let text = ''
  for (const { title, lacks, notes: own } of results) {
    const reasons = Map.groupBy(Object.entries(lacks), ([, reason]) => reason)
    const lines = [
      ...[...reasons].map(([reason, of]) => `${of.map(([name]) => `**${name}**`).join(', ')}: ${reason}`),
      ...own,
    ]
    if (lines.length > 0) text += `\n### ${title}\n\n${lines.map((line) => `- ${line}\n`).join('')}`
  }
  return text === '' ? '' : `\n## Notes\n${text}`
}

function comparison(): string {
  const line = ({ scenario, answer, kafka, ours, why }: Difference): string =>
    `- **${scenario}**, ${answer}: Kafka \`${JSON.stringify(kafka)}\`, Millrace \`${JSON.stringify(ours)}\`. ${why}\n`
  const found =
    differences.length === 0
      ? 'No answer differs.\n'
      : `These answers differ:\n\n${differences.map(line).join('')}`
  return `\n## Compared with Apache Kafka 4.3.1

The same scenarios are run against a real Kafka as well (all but those that restart the broker or log in), by
\`test/clients/real-kafka.test.ts\`, and what it answers is kept in \`test/clients/golden\`: offsets, default configs, errors as the client names them, states of groups. So is what it answered
to requests at the edges of the protocol, by \`test/clients/edge-cases\`: offsets out of range, gaps in sequences, fenced
producers, commits from old generations, illegal names and configs. ${found}`
}

function programsOf(programs: readonly ProgramResult[]): string {
  if (programs.length === 0) return ''
  const line = (program: ProgramResult): string =>
    `- **${program.title}**\n${program.shows.map((what) => `  - ✓ ${what}\n`).join('')}`
  return `\n## Programs of Apache Kafka\n\n${programs.map(line).join('')}`
}

export function printClients(
  results: readonly ClientResult[],
  programs: readonly ProgramResult[] = [],
): string {
  return head + table(results) + columns() + notes(results) + programsOf(programs) + comparison()
}
