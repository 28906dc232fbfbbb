import path from 'node:path'
import { DriverProcess } from './driver.ts'
import { clientSuite } from './suite.ts'

clientSuite({
  client: 'kafka-python',
  title: 'kafka-python',
  language: 'Python',
  lacks: { 'next group': 'kafka-python has the classic group protocol only' },
  losesRefusals:
    '**login**: it drops an answer that arrives together with the end of the connection, as the refusal of a login does, ' +
    'and then only says that it cannot connect.',
  notes: [
    '**group**: a member whose poll ends while it joins anew, because it has learned of new partitions, may stay without ' +
      'partitions until the group is rebalanced again, whatever the broker. Call `topics()` once before the first `poll`.',
  ],
  open: (home, brokers) =>
    new DriverProcess(
      path.join(home, 'venv/bin/python'),
      [path.join(import.meta.dirname, 'kafka-python/driver.py')],
      {
        BROKERS: brokers,
        PYTHONDONTWRITEBYTECODE: '1',
      },
    ),
})
