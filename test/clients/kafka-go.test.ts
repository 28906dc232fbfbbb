import path from 'node:path'
import { DriverProcess } from './driver.ts'
import { clientSuite } from './suite.ts'

const plain = 'kafka-go has neither idempotent nor transactional producers'

clientSuite({
  client: 'kafka-go',
  title: 'segmentio/kafka-go',
  language: 'Go',
  lacks: {
    'next group': 'kafka-go has the classic group protocol only',
    idempotent: plain,
    transactions: plain,
    'read committed':
      'kafka-go hands out the markers of transactions as records, and the records of aborted ones too, whatever the broker',
  },
  notes: ['It reads an empty value of a header as a missing one.'],
  open: (home, brokers) => new DriverProcess(path.join(home, 'driver'), [], { BROKERS: brokers }),
})
