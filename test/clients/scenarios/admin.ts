/** Topics, configs and lag by the client's admin, and how refusals reach it. */
import assert from 'node:assert/strict'
import { isMillraceError } from '../../../src/core/errors.ts'
import { refusal, type Scenario, someRecords } from '../scenario.ts'
import { openLoginTarget, user } from '../target.ts'

const admin: Scenario = {
  name: 'admin',
  shows: 'makes a topic, describes it, changes a config and deletes it',
  async run({ driver, witness, observe }) {
    const topic = witness.name('topic')
    await driver.call('createTopic', { topic, partitions: 3, configs: { 'cleanup.policy': 'compact' } })
    assert.deepEqual(await driver.call('describeTopic', { topic }), { partitions: 3 })
    const [described] = await witness.admin.describeTopics([topic])
    assert.equal(described?.partitions.length, 3)
    const config = (name: string): Promise<string | null> => driver.call('describeConfig', { topic, name })
    assert.equal(await config('cleanup.policy'), 'compact')
    for (const name of ['retention.ms', 'max.message.bytes', 'min.insync.replicas']) {
      observe(`default of ${name}`, await config(name))
    }
    await driver.call('alterConfig', { topic, name: 'retention.ms', value: '123456789' })
    // Kafka's controller answers before its broker knows of the change.
    await witness.until('the config is changed', async () => (await config('retention.ms')) === '123456789')
    observe('making it again', await refusal(driver, 'createTopic', { topic, partitions: 3, configs: {} }))
    observe(
      'an illegal config',
      await refusal(driver, 'alterConfig', { topic, name: 'retention.ms', value: 'long' }),
    )
    await driver.call('deleteTopic', { topic })
    await witness.until('the topic is gone', async () => {
      try {
        await witness.admin.describeTopics([topic])
        return false
      } catch (error) {
        return isMillraceError(error, 'MR_TOPIC_UNKNOWN')
      }
    })
  },
}

const lag: Scenario = {
  name: 'lag',
  shows: 'tells how far a group is behind',
  async run({ driver, witness, observe }) {
    const topic = await witness.topic(2)
    const group = witness.name('group')
    await witness.write(topic, someRecords(2, 10))
    await witness.admin.alterGroupOffsets(group, [
      { topic, partition: 0, offset: 4 },
      { topic, partition: 1, offset: 10 },
    ])
    const answer = await driver.call('lag', { group, topic, partitions: 2 })
    assert.deepEqual(
      answer.toSorted((a, b) => a.partition - b.partition),
      [
        { partition: 0, committed: 4, end: 10 },
        { partition: 1, committed: 10, end: 10 },
      ],
    )
    observe('committed and end', answer)
  },
}

const unknownTopic: Scenario = {
  name: 'unknown topic',
  shows: 'is told that a topic does not exist',
  async run({ driver, witness, observe }) {
    const error = await refusal(driver, 'deleteTopic', { topic: witness.name('nowhere') })
    assert.equal(error, 'UNKNOWN_TOPIC_OR_PARTITION')
    observe('error', error)
  },
}

const tooLarge: Scenario = {
  name: 'too large',
  shows: 'is told that a record is too large, and writes on',
  async run({ driver, witness, observe }) {
    const topic = await witness.topic(1, { 'max.message.bytes': '2000' })
    const value = 'x'.repeat(10_000)
    const error = await refusal(driver, 'produce', { topic, records: [{ partition: 0, key: 'k', value }] })
    assert.equal(error, 'MESSAGE_TOO_LARGE')
    observe('error', error)
    await driver.call('produce', { topic, records: someRecords(1, 1) })
    assert.equal((await witness.read(topic, 1)).length, 1)
  },
}

const login: Scenario = {
  name: 'login',
  shows: 'logs in by PLAIN and SCRAM, and is refused with a wrong password',
  logsIn: true,
  async run({ driver, mechanisms, losesRefusals }) {
    const { brokers, close } = await openLoginTarget()
    try {
      for (const mechanism of mechanisms) {
        await driver.call('login', { brokers, mechanism, ...user })
        const wrong = { ...user, password: 'wrong' }
        const error = await refusal(driver, 'login', { brokers, mechanism, ...wrong })
        const named = ['SASL_AUTHENTICATION_FAILED', ...(losesRefusals ? [null] : [])]
        assert.ok(named.includes(error), `${mechanism}: ${error}`)
      }
    } finally {
      await close()
    }
  },
}

export const adminScenarios: readonly Scenario[] = [admin, lag, unknownTopic, tooLarge, login]
