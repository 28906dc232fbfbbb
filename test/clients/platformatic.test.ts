import path from 'node:path'
import { DriverProcess } from './driver.ts'
import { clientSuite } from './suite.ts'

clientSuite({
  client: 'platformatic',
  title: '@platformatic/kafka',
  language: 'JavaScript',
  headersOnce: true,
  rereads:
    '**next group**: a member that gets a partition back goes on where it stood itself and not where the group ' +
    'has committed, so it may read records twice. It does so with Kafka too.',
  open: (home, brokers) =>
    new DriverProcess(process.execPath, [path.join(import.meta.dirname, 'platformatic/driver.mjs')], {
      CLIENT_HOME: home,
      BROKERS: brokers,
    }),
})
