/** docs/reference/cli.md, printed from the table of commands. */
import { type CommandSpec, type FlagSpec, globalFlags } from '../../src/cli/command.ts'
import { commands } from '../../src/cli/commands.ts'

const head = `# The command line

<!-- Printed by \`npm run docs\` from src/cli/commands.ts. Do not edit. -->

\`millrace COMMAND --help\` says the same, and \`millrace help --json\` as JSON.

Data goes to stdout, everything else to stderr. On a terminal the answer is a table, elsewhere it is JSON Lines;
\`--output\` chooses. \`--output help\` prints the TypeScript type of what \`--json\` gives. A flag counts before the
environment (\`MILLRACE_BROKERS\`), and that before the default.

## Exit codes

| code | means |
|---|---|
| 0 | done, also when the reader of stdout had enough |
| 1 | failed |
| 2 | wrong usage or configuration |
| 3 | something that was named does not exist |
| 4 | it is already there, or in use |
| 5 | a broker cannot be reached |
| 6 | a broker refused: log-in or rights |
| 7 | data that cannot be read or stored |
| 8 | a check did not pass |
| 124 | a broker did not answer in time |
| 130, 143 | ended by Ctrl-C or SIGTERM, after everything under way was finished; a second one ends it at once |

Errors have three lines and a code; [errors.md](errors.md) has them all. With \`--json\` they are JSON too, on stderr.

## Flags of every command
`

const positions = `
A position (\`-o\`) is one of

| | |
|---|---|
| \`start\`, \`end\` | the first record there is, behind the last |
| \`47\` | that offset |
| \`+2\`, \`-3\` | so many behind the start, before the end |
| \`@2026-11-22T10:00Z\`, \`@1716400000000\`, \`@-5m\` | the first record that is not older; without a zone a time is UTC |
| \`10:20\`, \`:20\`, \`10:\`, \`:end\`, \`@-1h:@-30m\` | from one position up to, and without, another |

and counts for each partition by itself.

A format (\`-f\`) holds \`%t\` topic, \`%p\` partition, \`%o\` offset, \`%k\` key, \`%v\` value, \`%h\` headers, \`%d\` time,
\`%i\` number of the record and \`%%\`; behind each may stand \`{json}\`, behind \`%k\`, \`%v\` and \`%h\` also \`{hex}\` or
\`{base64}\`, behind \`%d\` also \`{ms}\`. \`\\n \\t \\r \\0 \\\\ \\x1f\` are what they are in JavaScript.

In JSON a value that is JSON stays as it was written, digit by digit; other text is a JSON text; bytes that are no
UTF-8 are base64, and the field \`base64\` names them.
`

/** What belongs below a command and is more than its table can hold. */
const more: Readonly<Record<string, string>> = { consume: positions }

/** docs/reference/cli.md. */
export function printCommandLine(): string {
  return head + flagTable(globalFlags) + commands.map(section).join('')
}

function section(spec: CommandSpec): string {
  const words = (spec.arguments ?? []).map(({ name, required, many }) => {
    const shown = `${name.toUpperCase()}${many === true ? '…' : ''}`
    return required === true ? shown : `[${shown}]`
  })
  const { examples = [], flags = [], rowType } = spec
  const parts = [
    `\n## millrace ${spec.name}\n\n`,
    '```\n',
    `${['millrace', spec.name, ...words].join(' ')} [flags]\n`,
    '```\n',
  ]
  parts.push(`\n${spec.summary[0]!.toUpperCase()}${spec.summary.slice(1)}.\n`)
  if (flags.length > 0) parts.push(flagTable(flags))
  parts.push(more[spec.name] ?? '')
  if (rowType !== undefined) parts.push(`\nA row is\n\n\`\`\`ts\n${rowType}\n\`\`\`\n`)
  if (examples.length > 0)
    parts.push(`\n${examples.map(([line, does]) => `- \`${line}\`: ${does}\n`).join('')}`)
  return parts.join('')
}

function flagTable(flags: readonly FlagSpec[]): string {
  const rows = flags.map((flag) => {
    const short = flag.short === undefined ? '' : `\`-${flag.short}\`, `
    const value = flag.value === undefined ? '' : ` ${flag.value}`
    const often = flag.many === true ? '; may be given several times' : ''
    const summary = `${flag.summary}${often}`.replaceAll('|', '\\|').replaceAll('\n', '\\n')
    return `| ${short}\`--${flag.name}${value}\` | ${summary} | ${flag.default === undefined ? '' : `\`${flag.default}\``} |\n`
  })
  return `\n| flag | | default |\n|---|---|---|\n${rows.join('')}`
}
