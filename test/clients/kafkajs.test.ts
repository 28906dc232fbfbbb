import path from 'node:path'
import { DriverProcess } from './driver.ts'
import { clientSuite } from './suite.ts'

const noCodec = 'kafkajs brings gzip only; the others are packages of their own'

clientSuite({
  client: 'kafkajs',
  title: 'kafkajs',
  language: 'JavaScript',
  lacks: {
    'next group': 'kafkajs has the classic group protocol only',
    snappy: noCodec,
    lz4: noCodec,
    zstd: noCodec,
  },
  open: (home, brokers) =>
    new DriverProcess(process.execPath, [path.join(import.meta.dirname, 'kafkajs/driver.mjs')], {
      CLIENT_HOME: home,
      BROKERS: brokers,
    }),
})
