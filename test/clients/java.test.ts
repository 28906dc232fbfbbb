import { DriverProcess } from './driver.ts'
import { javaCommand } from './java/java-command.ts'
import { clientSuite } from './suite.ts'

clientSuite({
  client: 'java',
  title: 'Apache Kafka clients',
  language: 'Java',
  open: (home, brokers) => {
    const { command, parameters } = javaCommand(home, 'Driver')
    return new DriverProcess(command, parameters, { BROKERS: brokers })
  },
})
