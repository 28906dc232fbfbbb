import path from 'node:path'
import { DriverProcess } from './driver.ts'
import { clientSuite } from './suite.ts'

clientSuite({
  client: 'sarama',
  title: 'sarama',
  language: 'Go',
  lacks: { 'next group': 'sarama has the classic group protocol only' },
  mechanisms: ['PLAIN'],
  notes: ['**login**: by PLAIN only; its SCRAM needs a package of another maker.'],
  open: (home, brokers) => new DriverProcess(path.join(home, 'driver'), [], { BROKERS: brokers }),
})
