/**
 * The table of rights against a real Kafka, so that the table itself is right.
 *
 * MILLRACE_TEST_SECURE_BROKER names a listener with SASL_SSL and PLAIN for alice and admin, who is a super user;
 * MILLRACE_TEST_SECURE_CA the certificate of its authority.
 */
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { Cluster } from '../../src/client/cluster.ts'
import { sleep } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { prepareSecrets } from './prepare-secrets.ts'
import { type RightsServer, runStep, type Send } from './rights-case.ts'
import { rightsTable } from './rights-table.ts'

const address = process.env['MILLRACE_TEST_SECURE_BROKER']
const authority = process.env['MILLRACE_TEST_SECURE_CA']
const skip =
  (address === undefined || authority === undefined) &&
  'MILLRACE_TEST_SECURE_BROKER and MILLRACE_TEST_SECURE_CA are not set: start a Kafka with SASL_SSL and an authorizer'

describe('rights at a real Kafka', { skip }, () => {
  const platform = nodePlatform()
  const clusters: Cluster[] = []
  let server: RightsServer

  before(async () => {
    const as = (username: string): Send => {
      const cluster = new Cluster({
        platform,
        brokers: [address!],
        tls: { ca: readFileSync(authority!) },
        sasl: { mechanism: 'plain', username, password: `${username}-secret` },
      })
      clusters.push(cluster)
      return async (api, request, options) => (await cluster.anyBroker()).send(api, request, options)
    }
    server = {
      admin: as('admin'),
      user: as('alice'),
      principal: 'User:alice',
      attempts: 5,
      pause: () => sleep(platform.clock, 100),
    }
    await prepareSecrets(server)
  })
  after(async () => {
    for (const cluster of clusters) await cluster.close()
  })

  for (const row of rightsTable) {
    const version = row.version === undefined ? '' : ` v${row.version}`
    for (const step of row.steps) {
      const rights = step.rights.length === 0 ? 'no right' : step.rights.join(', ')
      it(`${row.api.name}${version} ${row.what}, with ${rights}: ${step.codes.join(', ')}`, () =>
        runStep(server, row, step))
    }
  }
})
