import path from 'node:path'
import { DriverProcess } from './driver.ts'
import { clientSuite } from './suite.ts'

clientSuite({
  client: 'confluent-kafka-python',
  title: 'confluent-kafka',
  language: 'Python, librdkafka',
  open: (home, brokers) =>
    new DriverProcess(
      path.join(home, 'venv/bin/python'),
      [path.join(import.meta.dirname, 'confluent-kafka-python/driver.py')],
      { BROKERS: brokers, PYTHONDONTWRITEBYTECODE: '1' },
    ),
})
