/** The client against a real Kafka, named by MILLRACE_TEST_BROKERS (`host:port,host:port`). */
import { clientScenarios } from './client-scenarios.ts'

const brokers = process.env['MILLRACE_TEST_BROKERS']

clientScenarios({
  name: 'a real Kafka',
  skip:
    brokers === undefined &&
    'MILLRACE_TEST_BROKERS is not set: start a Kafka and run MILLRACE_TEST_BROKERS=localhost:9092 npm test',
  open: async () => ({
    reach: { brokers: (brokers ?? '').split(',') },
    close: async () => {},
  }),
})
