/** All scenarios of the client once more over SASL_SSL, against our broker, which asks for a login again every other second. */
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
