/**
 * All scenarios of the client once more over SASL_SSL: against our broker, which asks for a login again every other
 * second, and against a real Kafka (MILLRACE_TEST_SECURE_BROKER, MILLRACE_TEST_SECURE_CA; see rights-kafka.test.ts).
 */
import { readFileSync } from 'node:fs'
import type { ClusterOptions } from '../../src/client/cluster.ts'
import { clientScenarios } from '../wire/client-scenarios.ts'
import { SecureBroker } from './secure-broker.ts'

const sasl = { mechanism: 'scram-sha-512', username: 'admin', password: 'admin-secret' } as const

clientScenarios({
  name: 'our broker over SASL_SSL',
  async open() {
    const secure = await new SecureBroker().open({ 'connections.max.reauth.ms': 3000 })
    secure.broker.putScramUser('admin', 'admin-secret')
    const brokers = [secure.addresses.get('SASL_SSL')!]
    const reach: Partial<ClusterOptions> = { brokers, tls: { ca: secure.authority.cert }, sasl }
    return { reach, close: () => secure.close() }
  },
})

const address = process.env['MILLRACE_TEST_SECURE_BROKER']
const authority = process.env['MILLRACE_TEST_SECURE_CA']

clientScenarios({
  name: 'a real Kafka over SASL_SSL',
  skip:
    (address === undefined || authority === undefined) &&
    'MILLRACE_TEST_SECURE_BROKER and MILLRACE_TEST_SECURE_CA are not set: start a Kafka with SASL_SSL',
  async open() {
    const reach: Partial<ClusterOptions> = {
      brokers: [address!],
      tls: { ca: readFileSync(authority!) },
      sasl: { ...sasl, mechanism: 'plain' },
    }
    return { reach, close: async () => {} }
  },
})
