import { KcatDriver } from './kcat/kcat-driver.ts'
import { clientSuite } from './suite.ts'

const noAdmin = 'kcat has no admin'

clientSuite({
  client: 'kcat',
  title: 'kcat',
  language: 'C, librdkafka',
  lacks: {
    'next group': 'librdkafka 2.0.2, which it is built with, is older than KIP-848',
    transactions: 'kcat writes no transactions',
    admin: noAdmin,
    lag: noAdmin,
  },
  mechanisms: ['PLAIN'],
  notes: [
    '**login**: by PLAIN; librdkafka 2.0.2 fails with SCRAM, at a real Kafka too.',
    'It is told of an unknown topic when it reads one; others when they delete one.',
  ],
  open: (_, brokers) => new KcatDriver(brokers),
})
