/** The table of rights against our broker: every API with and without the right, and what is left out of answers. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { TestBroker } from '../../src/broker/broker-fixture.ts'
import { handlers } from '../../src/broker/handlers/register.ts'
import { connectAs, openWithLogin, plain } from '../../src/broker/security/security-fixture.ts'
import type { Connection } from '../../src/protocol/connection.ts'
import { prepareSecrets } from './prepare-secrets.ts'
import { type RightsServer, runStep, type Send } from './rights-case.ts'
import { rightsTable } from './rights-table.ts'

describe('rights', () => {
  let broker: TestBroker
  let server: RightsServer
  const open: Connection[] = []

  before(async () => {
    broker = await openWithLogin({ 'auto.create.topics.enable': true })
    const as = async (user: string): Promise<Send> => {
      const connection = await connectAs(broker, plain(user))
      open.push(connection)
      return (api, request, options) => broker.simulation.runUntil(connection.send(api, request, options))
    }
    server = {
      admin: await as('admin'),
      user: await as('alice'),
      principal: 'User:alice',
      attempts: 1,
      pause: async () => {},
    }
    await prepareSecrets(server)
  })
  after(async () => {
    for (const connection of open) await connection.close()
    await broker.close()
  })

  for (const row of rightsTable) {
    const version = row.version === undefined ? '' : ` v${row.version}`
    for (const step of row.steps) {
      const rights = step.rights.length === 0 ? 'no right' : step.rights.join(', ')
      it(`${row.api.name}${version} ${row.what}, with ${rights}: ${step.codes.join(', ')}`, () =>
        runStep(server, row, step))
    }
  }

  it('has a row for every API that the broker serves', () => {
    // Telemetry asks for no right, and gives nothing.
    const served = handlers.map(({ api }) => api.name).filter((name) => !/Telemetry/.test(name))
    const missing = served.filter((name) => !rightsTable.some(({ api }) => api.name === name))
    assert.deepEqual(missing, [])
  })
})
