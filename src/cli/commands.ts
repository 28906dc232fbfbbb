/** Every command: the single source of parsing, help, completion and the reference page. */
import type { ParkedDecision } from '../operators/operator.ts'
import { CONSOLE_PORT } from '../server/console-port.ts'
import type { ArgumentSpec, CommandRun, CommandSpec, FlagSpec } from './command.ts'

const consolePort: FlagSpec = {
  name: 'console-port',
  value: 'PORT',
  summary: 'the port of the page and its API',
  default: `${CONSOLE_PORT}`,
}
const once: FlagSpec = {
  name: 'once',
  summary: 'run to the end of the input as fast as possible, print the results, exit',
}
const runFlags: readonly FlagSpec[] = [
  once,
  {
    name: 'speed',
    value: 'FACTOR',
    summary: 'how fast agents replay by event time: 8640 is a day in 10 s, 0 as fast as possible',
  },
  { name: 'threads', value: 'N', summary: 'threads that process each pipeline' },
  { name: 'partitions', value: 'N', summary: 'partitions of topics that are created' },
  { name: 'port', value: 'PORT', summary: "the broker's port", default: '9092' },
  consolePort,
  { name: 'strict-port', summary: 'fail when a port is taken instead of taking the next free one' },
  { name: 'fresh', summary: 'remove the data directory first' },
]

const format: FlagSpec = {
  name: 'format',
  short: 'f',
  value: 'FORMAT',
  summary: 'what is printed of each record: %t %p %o %k %v %h %d %i, %v{json} {hex} {base64}, \\n and \\t',
}
const dryRun: FlagSpec = { name: 'dry-run', summary: 'only say what would happen; nothing is changed' }

const parkedArguments: readonly ArgumentSpec[] = [
  { name: 'operator', summary: 'the operator in which the keys are parked', required: true },
  { name: 'key', summary: 'keys as `millrace parked list` shows them', many: true },
]
const parkedFlags: readonly FlagSpec[] = [
  { name: 'pipeline', value: 'PIPELINE', summary: 'only of this one' },
  consolePort,
]
const decisionFlags: readonly FlagSpec[] = [
  { name: 'without-key', summary: 'all parked records that have no key' },
  ...parkedFlags,
  dryRun,
]
const decisionRow = '{ operator: string; key: unknown; decision: string; records: number }'

export const commands: readonly CommandSpec[] = [
  {
    name: 'dev',
    summary: 'broker, agents, pipelines, sinks and page in this process, with a live view',
    arguments: [{ name: 'config', summary: 'the configuration file' }],
    flags: runFlags,
    examples: [
      ['millrace dev', 'run what millrace.config.ts says'],
      ['millrace dev --once', 'run it to the end of its input'],
    ],
    load: () => import('./commands/dev.ts'),
  },
  {
    name: 'run',
    summary: 'the same for production: JSON logs, no live view, exits with an error when something fails',
    arguments: [{ name: 'config', summary: 'the configuration file' }],
    flags: runFlags,
    examples: [['millrace run --once flights/millrace.config.ts', 'a batch run']],
    load: () => import('./commands/run.ts'),
  },
  {
    name: 'serve',
    summary: 'only the broker, until Ctrl-C or SIGTERM; its log is JSON lines where there is no terminal',
    flags: [
      {
        name: 'port',
        value: 'PORT',
        summary: 'the port on 127.0.0.1; 0 takes any free one, one that is taken is an error',
        default: '9092',
      },
      {
        name: 'set',
        value: 'NAME=VALUE',
        summary: "a setting under Kafka's name, such as num.partitions=4 or listeners=…",
        many: true,
      },
      {
        name: 'metrics-port',
        value: 'PORT',
        summary: 'also /metrics for Prometheus and /health, on this port of 127.0.0.1; 0 takes any free one',
      },
    ],
    examples: [
      ['millrace serve', 'on 127.0.0.1:9092, with the topics that `millrace dev` has here'],
      [
        'millrace serve --set listeners=SSL://:9093 --set ssl.keystore.location=broker.pem --set ssl.truststore.location=ca.pem --set ssl.client.auth=required',
        'for other machines, with certificates',
      ],
    ],
    load: () => import('./commands/serve.ts'),
  },
  {
    name: 'topics list',
    summary: 'the topics with their partitions and records',
    flags: [{ name: 'internal', summary: 'also topics that Millrace or Kafka keep for themselves' }],
    rowType: '{ topic: string; partitions: number; records: number | null; internal: boolean }',
    examples: [['millrace topics list --json', 'for scripts']],
    load: () => import('./commands/topics-list.ts'),
  },
  {
    name: 'topics create',
    summary: 'make topics',
    arguments: [{ name: 'topic', summary: 'names', required: true, many: true }],
    flags: [
      { name: 'partitions', short: 'p', value: 'N', summary: 'partitions of each', default: '1' },
      { name: 'set', value: 'NAME=VALUE', summary: 'a setting, such as retention.ms=3600000', many: true },
      dryRun,
    ],
    rowType: '{ topic: string; partitions: number }',
    examples: [['millrace topics create orders --partitions 4', 'four partitions']],
    load: () => import('./commands/topics-create.ts'),
  },
  {
    name: 'topics describe',
    summary: 'partitions, offsets and settings of topics',
    arguments: [{ name: 'topic', summary: 'names', required: true, many: true }],
    rowType:
      '{ topic: string; topic_id: string; internal: boolean; partitions: { partition: number; leader: number | null; replicas: number[]; in_sync_replicas: number[]; start_offset: number | null; end_offset: number | null }[]; settings: Record<string, string | null> | null }',
    examples: [
      ['millrace topics describe orders', 'partitions and what was set'],
      ['millrace topics describe orders -v', 'all settings'],
    ],
    load: () => import('./commands/topics-describe.ts'),
  },
  {
    name: 'topics alter',
    summary: 'change settings of a topic, or give it more partitions',
    arguments: [{ name: 'topic', summary: 'the topic', required: true }],
    flags: [
      { name: 'set', value: 'NAME=VALUE', summary: 'a setting, such as retention.ms=3600000', many: true },
      { name: 'unset', value: 'NAME', summary: "back to the broker's default", many: true },
      { name: 'partitions', short: 'p', value: 'N', summary: 'so many in all; they can only become more' },
      dryRun,
    ],
    rowType: '{ topic: string; setting: string; before: string | null; after: string | null }',
    examples: [
      ['millrace topics alter orders --set retention.ms=86400000', 'keep a day'],
      [
        'millrace topics alter orders --unset retention.ms --partitions 8',
        'as long as the broker says, on eight',
      ],
    ],
    load: () => import('./commands/topics-alter.ts'),
  },
  {
    name: 'topics purge',
    summary: 'delete the records of a topic, or the older ones',
    arguments: [{ name: 'topic', summary: 'the topic', required: true }],
    flags: [
      {
        name: 'before',
        value: 'OFFSET',
        summary: 'only those before it: 47, +2, -3, @TIME, @-5m; without it all there are',
      },
      { name: 'partition', short: 'p', value: 'N', summary: 'only this partition', many: true },
      dryRun,
    ],
    rowType: '{ topic: string; partition: number; start_offset: number; deleted: number }',
    examples: [
      ['millrace topics purge orders --before @-7d --dry-run', 'how many are older than a week'],
      ['millrace topics purge orders --yes', 'empty it without asking'],
    ],
    load: () => import('./commands/topics-purge.ts'),
  },
  {
    name: 'topics mirror',
    summary: 'copy topics and the positions of groups to another cluster, each record once',
    arguments: [
      {
        name: 'topic',
        summary: "names, or patterns such as 'orders-*'; all that are not internal without them",
        many: true,
      },
    ],
    flags: [
      { name: 'to', value: 'kafka://HOST:PORT,…', summary: 'the cluster to copy to' },
      {
        name: 'to-config',
        value: 'FILE',
        summary: 'how that cluster is reached: a properties file as of --command-config',
      },
      { name: 'follow', summary: 'go on with what comes until Ctrl-C; else stop at the ends of now' },
      { name: 'no-groups', summary: 'leave the positions of consumer groups where they are' },
      dryRun,
    ],
    rowType:
      '{ topics: { topic: string; partitions: number; target: "created" | "continued" | "begun"; copied: number; lag: number; missed: number; settings_left: string[] }[]; groups: { group: string; moved_partitions: number; kept: string | null }[] }',
    examples: [
      ['millrace topics mirror --to kafka://k1:9092,k2:9092', 'everything there is now'],
      ['millrace topics mirror orders --to kafka://k1:9092 --follow', 'one topic, and what comes'],
      ['millrace topics mirror --to kafka://k1:9093 --to-config k1.properties', 'with TLS and a login'],
      ['millrace topics mirror --to kafka://k1:9092 --dry-run', 'what would be copied and moved'],
    ],
    load: () => import('./commands/topics-mirror.ts'),
  },
  {
    name: 'topics record',
    summary: 'write a slice of a topic to a fixture file, which tests replay',
    arguments: [{ name: 'topic', summary: 'the topic', required: true }],
    flags: [
      { name: 'to', value: 'FILE', summary: 'the file to write; --yes replaces one that is there' },
      {
        name: 'from',
        value: 'OFFSET',
        summary: 'where to begin, and where to stop: start, 47, +2, -3, 10:20, @TIME, @-5m, @-1h:@-30m',
        default: 'start',
      },
      {
        name: 'count',
        value: 'N',
        summary: 'the first so many by their timestamps',
        default: '1000',
      },
      { name: 'partition', short: 'p', value: 'N', summary: 'only this partition', many: true },
    ],
    rowType: '{ topic: string; file: string; records: number }',
    examples: [
      ['millrace topics record orders --to orders.fixture.jsonl', 'the first 1,000 records'],
      ['millrace topics record orders --to late.jsonl --from @-1h:@-30m', 'half an hour of them'],
    ],
    load: () => import('./commands/topics-record.ts'),
  },
  {
    name: 'topics delete',
    summary: 'delete topics with all their records',
    arguments: [{ name: 'topic', summary: 'names', required: true, many: true }],
    flags: [dryRun],
    rowType: '{ topic: string }',
    examples: [['millrace topics delete orders --yes', 'without asking']],
    load: () => import('./commands/topics-delete.ts'),
  },
  {
    name: 'groups list',
    summary: 'the consumer groups',
    rowType: '{ group: string; state: string; type: string; protocol_type: string }',
    load: () => import('./commands/groups-list.ts'),
  },
  {
    name: 'groups describe',
    summary: 'members of groups, and per partition how far they have come',
    arguments: [{ name: 'group', summary: 'names', required: true, many: true }],
    rowType:
      '{ group: string; state: string; type: string; assignor: string; lag: number | null; members: { member_id: string; instance_id: string | null; client_id: string; host: string; partitions: number }[]; partitions: { topic: string; partition: number; committed_offset: number | null; end_offset: number | null; lag: number | null; client_id: string | null; host: string | null; member_id: string | null }[] }',
    examples: [
      ['millrace groups describe billing', 'its members and the lag of each partition'],
      ['millrace groups describe billing -v', 'also the ids of members'],
    ],
    load: () => import('./commands/groups-describe.ts'),
  },
  {
    name: 'groups reset',
    summary: 'set where a group without members goes on in topics',
    arguments: [{ name: 'group', summary: 'the group', required: true }],
    flags: [
      { name: 'topic', value: 'TOPIC', summary: 'the topic, or several', many: true },
      { name: 'to', value: 'OFFSET', summary: 'start, end, 47, +2, -3, @TIME, @-5m' },
      { name: 'partition', short: 'p', value: 'N', summary: 'only this partition', many: true },
      dryRun,
    ],
    rowType: '{ topic: string; partition: number; before: number | null; after: number; lag: number }',
    examples: [
      ['millrace groups reset billing --topic orders --to start', 'read everything again'],
      ['millrace groups reset billing --topic orders --to @-1h --dry-run', 'where an hour ago is'],
    ],
    load: () => import('./commands/groups-reset.ts'),
  },
  {
    name: 'groups delete',
    summary: 'delete groups without members, with their positions',
    arguments: [{ name: 'group', summary: 'names', required: true, many: true }],
    flags: [dryRun],
    rowType: '{ group: string }',
    examples: [['millrace groups delete billing --yes', 'without asking']],
    load: () => import('./commands/groups-delete.ts'),
  },
  {
    name: 'parked list',
    summary: 'the keys whose records wait behind one that fails, in the pipelines that run on this machine',
    flags: [
      { name: 'limit', value: 'N', summary: 'so many at most, up to 10000', default: '100' },
      ...parkedFlags,
    ],
    rowType:
      '{ pipeline: string; operator: string; key: unknown; records: number; attempts: number; error: string; topic: string | null; partition: number | null; offset: number | null }',
    examples: [['millrace parked list --pipeline shop', 'what waits, and why']],
    load: () => import('./commands/parked-list.ts'),
  },
  {
    name: 'parked retry',
    summary: 'try the failing records of parked keys again at once',
    arguments: parkedArguments,
    flags: decisionFlags,
    rowType: decisionRow,
    examples: [['millrace parked retry delivered ann bob', 'two keys of the operator "delivered"']],
    load: () => decisionOf('retry'),
  },
  {
    name: 'parked dead-letter',
    summary: 'put the failing records of parked keys among the dead letters; those behind them go on',
    arguments: parkedArguments,
    flags: decisionFlags,
    rowType: decisionRow,
    examples: [['millrace parked dead-letter delivered ann', 'give the record up, and keep it']],
    load: () => decisionOf('dead-letter'),
  },
  {
    name: 'parked skip',
    summary: 'forget the failing records of parked keys; those behind them go on',
    arguments: parkedArguments,
    flags: decisionFlags,
    rowType: decisionRow,
    examples: [['millrace parked skip delivered --without-key --yes', 'all records without a key']],
    load: () => decisionOf('skip'),
  },
  {
    name: 'produce',
    summary: 'write each line of the input as a record',
    arguments: [{ name: 'topic', summary: 'the topic', required: true }],
    flags: [
      { name: 'file', value: 'FILE', summary: 'read lines from a file instead of the input' },
      { name: 'key', short: 'k', value: 'KEY', summary: 'the key of every record' },
      { name: 'key-separator', short: 'K', value: 'TEXT', summary: 'each line is key, this text, value' },
      { name: 'header', short: 'H', value: 'NAME=VALUE', summary: 'a header of every record', many: true },
      { name: 'partition', short: 'p', value: 'N', summary: 'the partition; else it follows from the key' },
      { name: 'null', short: 'Z', summary: 'an empty value is null (a tombstone), an empty key is none' },
      dryRun,
    ],
    rowType: '{ topic: string; partition: number | null; offset: number | null; line: number }',
    examples: [
      [`echo '{"id":1}' | millrace produce orders -k 1`, 'one record'],
      ['millrace produce orders --file orders.txt -K :', 'a record a line, as key:value'],
    ],
    load: () => import('./commands/produce.ts'),
  },
  {
    name: 'consume',
    summary: 'print the records of topics',
    arguments: [{ name: 'topic', summary: 'the topics', required: true, many: true }],
    flags: [
      {
        name: 'offset',
        short: 'o',
        value: 'OFFSET',
        summary: 'start, end, 47, +2, -3, 10:20, :end, @TIME, @-5m',
        default: 'start',
      },
      { name: 'number', short: 'n', value: 'N', summary: 'stop after so many records' },
      format,
      {
        name: 'group',
        short: 'g',
        value: 'GROUP',
        summary: 'read as a member of a consumer group and commit',
      },
      { name: 'partition', short: 'p', value: 'N', summary: 'only this partition', many: true },
      { name: 'since', value: 'DURATION', summary: 'the same as -o @-DURATION' },
      { name: 'follow', summary: 'go on with what comes; else stop at the end' },
      { name: 'envelope', short: 'J', summary: "kcat's JSON envelope, one line a record" },
      { name: 'uncommitted', summary: 'also records of transactions that have not committed' },
    ],
    rowType:
      '{ topic: string; partition: number; offset: number; timestamp: string | null; key: string | null; value: unknown; headers: Record<string, string | null | (string | null)[]>; base64?: string[] }',
    examples: [
      ['millrace consume orders -n 10', 'the first ten'],
      ['millrace consume orders -o end --follow', 'only what comes from now on'],
      ["millrace consume orders -f '%k %v\\n'", 'keys and values'],
      ['millrace consume orders -o @2026-11-22T10:00Z:@-5m', 'from a time to five minutes ago'],
    ],
    load: () => import('./commands/consume.ts'),
  },
  {
    name: 'test',
    summary: 'run the tests of a project, with how much virtual time each has seen',
    arguments: [
      {
        name: 'file',
        summary: 'files, directories, or parts of paths such as revenue; all *.test.ts here without them',
        many: true,
      },
    ],
    flags: [{ name: 'name', value: 'PATTERN', summary: 'only tests whose names match it' }],
    rowType:
      '{ file: string; name: string; state: "passed" | "failed" | "skipped" | "todo"; ms: number; virtual_ms: number; error: string | null; where: string | null }',
    examples: [
      ['millrace test', 'all tests of the directory'],
      ['millrace test src/revenue.test.ts --name window', 'some of one file'],
    ],
    load: () => import('./commands/test.ts'),
  },
  {
    name: 'version',
    summary: 'versions of Millrace, Node.js and the platform',
    rowType: '{ millrace: string; node: string; platform: string }',
    load: () => import('./commands/version.ts'),
  },
]

async function decisionOf(decision: ParkedDecision): Promise<{ readonly run: CommandRun }> {
  const { decide } = await import('./commands/parked-decide.ts')
  return { run: decide(decision) }
}
