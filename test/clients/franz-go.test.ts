import path from 'node:path'
import { DriverProcess } from './driver.ts'
import { clientSuite } from './suite.ts'

clientSuite({
  client: 'franz-go',
  title: 'franz-go',
  language: 'Go',
  open: (home, brokers) => new DriverProcess(path.join(home, 'driver'), [], { BROKERS: brokers }),
})
