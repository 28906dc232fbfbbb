/** Other people's Kafka clients and brokers that the tests use: which versions, from which registry, what installs them. */
import path from 'node:path'
import { root } from '../repository.ts'

/** Where they are installed; not part of the repository. */
export const clientsDirectory = path.join(root, '.cache', 'clients')

/** The order of the rows of docs/reference/clients.md. */
export const clientNames = [
  'kcat',
  'kafkajs',
  'platformatic',
  'confluent-kafka-python',
  'kafka-python',
  'aiokafka',
  'java',
  'franz-go',
  'sarama',
  'kafka-go',
] as const

export type ClientName = (typeof clientNames)[number]

/** Releases of Kafka before the one in `java`, to test our client against. */
export const brokerNames = ['kafka-3.9'] as const

export type PackageName = ClientName | (typeof brokerNames)[number]

export type Package =
  /** A program of Debian's, found on the PATH. */
  | { readonly from: 'debian'; readonly program: string; readonly name: string }
  /** One package of npm's; one that is in the repository's node_modules in this version is taken from there. */
  | { readonly from: 'npm'; readonly name: string; readonly version: string }
  /** Packages of PyPI in one virtual environment per client. */
  | { readonly from: 'pypi'; readonly packages: readonly string[] }
  /** Jars with all that they need, and the driver's classes, if there is one, compiled against them. */
  | { readonly from: 'maven'; readonly artifacts: readonly string[]; readonly sources?: string }
  /** A program of the module in test/clients, whose versions stand in its go.mod. */
  | { readonly from: 'go'; readonly program: string }

const KAFKA = '4.3.1'
const LOG4J = '2.25.3'
const KAFKA_3 = '3.9.2'
/** What Kafka 3 logs by. */
const SLF4J_3 = '1.7.36'

export const packages: Readonly<Record<PackageName, Package>> = {
  kcat: { from: 'debian', program: 'kcat', name: 'kcat' },
  kafkajs: { from: 'npm', name: 'kafkajs', version: '2.2.4' },
  platformatic: { from: 'npm', name: '@platformatic/kafka', version: '2.12.1' },
  'confluent-kafka-python': { from: 'pypi', packages: ['confluent-kafka==2.16.1'] },
  'kafka-python': {
    from: 'pypi',
    packages: ['kafka-python==3.0.12', 'lz4==4.4.5', 'python-snappy==0.7.3', 'zstandard==0.25.0'],
  },
  aiokafka: { from: 'pypi', packages: ['aiokafka==0.14.0', 'cramjam==2.14.0'] },
  java: {
    from: 'maven',
    artifacts: [
      `org.apache.kafka:kafka_2.13:${KAFKA}`,
      `org.apache.kafka:kafka-tools:${KAFKA}`,
      `org.apache.kafka:kafka-streams:${KAFKA}`,
      `org.apache.kafka:connect-runtime:${KAFKA}`,
      `org.apache.kafka:connect-file:${KAFKA}`,
      `org.apache.logging.log4j:log4j-slf4j-impl:${LOG4J}`,
    ],
    sources: 'test/clients/java',
  },
  'franz-go': { from: 'go', program: 'franz-go' },
  sarama: { from: 'go', program: 'sarama' },
  'kafka-go': { from: 'go', program: 'kafka-go' },
  'kafka-3.9': {
    from: 'maven',
    artifacts: [`org.apache.kafka:kafka_2.13:${KAFKA_3}`, `org.slf4j:slf4j-reload4j:${SLF4J_3}`],
  },
}

/** What has to be on the PATH, with what brings it. */
export const programsOf: Readonly<Record<Package['from'], Readonly<Record<string, string>>>> = {
  debian: {},
  npm: { npm: 'Node.js with npm' },
  pypi: { python3: 'apt-get install python3-venv' },
  maven: { javac: 'apt-get install openjdk-17-jdk-headless', mvn: 'apt-get install maven' },
  go: { go: 'Go 1.26 (Debian 12 has an older one)' },
}
