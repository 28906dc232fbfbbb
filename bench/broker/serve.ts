/** A broker in a process of its own, as it is by default: `serve.ts DIRECTORY PORT` says when it is ready. */
import { Broker } from '../../src/broker/broker.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'

const [dataDirectory = '', port = '0'] = process.argv.slice(2)
const broker = await Broker.open({ platform: nodePlatform(), dataDirectory })
const endpoint = await broker.listen({ host: '127.0.0.1', port: Number(port) })
console.log(`ready 127.0.0.1:${endpoint.port}`)
process.once('SIGTERM', () => void broker.close())
