/** The table of rights against a real Kafka, so that the table itself is right. */
import { after, before, describe, it } from 'node:test'
import { Cluster } from '../../src/client/cluster.ts'
import { sleep } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { prepareSecrets } from '../security/prepare-secrets.ts'
import { type RightsServer, runStep, type Send } from '../security/rights-case.ts'
import { rightsTable } from '../security/rights-table.ts'
import {
  type KafkaCluster,
  type KafkaUser,
  kafkaAdmin,
  kafkaUser,
  missingKafka,
  openKafkaCluster,
} from './cluster.ts'

describe('rights at a real Kafka', { skip: missingKafka() ?? false }, () => {
  const platform = nodePlatform()
  const clusters: Cluster[] = []
  let kafka: KafkaCluster
  let server: RightsServer

  before(async () => {
    const config = { 'allow.everyone.if.no.acl.found': 'false' }
    kafka = await openKafkaCluster({ brokers: 1, secure: true, config })
    const as = (user: KafkaUser): Send => {
      const cluster = new Cluster({
        platform,
        brokers: kafka.secureBrokers,
        tls: { ca: kafka.authority },
        sasl: { mechanism: 'plain', ...user },
      })
      clusters.push(cluster)
      return async (api, request, options) => (await cluster.anyBroker()).send(api, request, options)
    }
    server = {
      admin: as(kafkaAdmin),
      user: as(kafkaUser),
      principal: 'User:alice',
      attempts: 5,
      pause: () => sleep(platform.clock, 100),
    }
    await prepareSecrets(server)
  })
  after(async () => {
    for (const cluster of clusters) await cluster.close()
    await kafka?.close()
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
