import path from 'node:path'
import { DriverProcess } from './driver.ts'
import { clientSuite } from './suite.ts'

clientSuite({
  client: 'aiokafka',
  title: 'aiokafka',
  language: 'Python',
  lacks: { 'next group': 'aiokafka has the classic group protocol only' },
  open: (home, brokers) =>
    new DriverProcess(
      path.join(home, 'venv/bin/python'),
      [path.join(import.meta.dirname, 'aiokafka/driver.py')],
      {
        BROKERS: brokers,
        PYTHONDONTWRITEBYTECODE: '1',
      },
    ),
})
