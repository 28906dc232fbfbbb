/** Where a broker listens: from the settings, and never for everybody by accident. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatError, isMillraceError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { describeConfigs } from '../../protocol/apis/describe-configs.ts'
import { Broker } from '../broker.ts'
import { TestBroker } from '../broker-fixture.ts'
import { type BrokerConfig, resolveBrokerConfig } from '../config/broker-config.ts'
import { configuredListeners, isLoopback } from './listen-options.ts'

const listenersOf = (config: BrokerConfig) => configuredListeners(resolveBrokerConfig(config).settings)

describe('listeners', () => {
  it('are read from Kafka’s settings', () => {
    const found = listenersOf({
      listeners: 'PLAINTEXT://127.0.0.1:9092,secure://[::1]:9093, ALL://:9094',
      'advertised.listeners': 'SECURE://broker.example:19093',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,ALL:ssl',
    })
    const insecure = false
    assert.deepEqual(found, [
      { name: 'PLAINTEXT', host: '127.0.0.1', port: 9092, protocol: 'PLAINTEXT', insecure },
      {
        name: 'SECURE',
        host: '::1',
        port: 9093,
        protocol: 'SASL_SSL',
        insecure,
        advertisedHost: 'broker.example',
        advertisedPort: 19093,
      },
      { name: 'ALL', host: '0.0.0.0', port: 9094, protocol: 'SSL', insecure },
    ])
  })

  for (const listeners of [
    'localhost:9092',
    'PLAINTEXT://a:99999',
    'PLAINTEXT://a',
    'X://a:1',
    'SSL://a:1,SSL://a:2',
  ]) {
    it(`are refused as "${listeners}", with what to write`, () => {
      assert.throws(
        () => listenersOf({ listeners }),
        (error) => isMillraceError(error, 'MR_CONFIG_INVALID') && error.hint !== undefined,
      )
    })
  }

  it('have settings of their own over those of all', () => {
    const { settingsOf } = resolveBrokerConfig({
      'ssl.client.auth': 'requested',
      'listener.name.inside.ssl.client.auth': 'required',
    })
    assert.equal(settingsOf('INSIDE')['ssl.client.auth'], 'required')
    assert.equal(settingsOf('other')['ssl.client.auth'], 'requested')
    for (const name of [
      'listener.name.x.num.partitions',
      'listener.name.x',
      'listener.name..ssl.client.auth',
    ] as const) {
      assert.throws(() => resolveBrokerConfig({ [name]: 'x' }), { code: 'MR_CONFIG_INVALID' }, name)
    }
  })

  it('know which addresses other machines reach', () => {
    for (const host of ['127.0.0.1', '127.8.9.1', '::1', 'localhost'])
      assert.equal(isLoopback(host), true, host)
    for (const host of ['0.0.0.0', '::', '', '10.0.0.1', '127.0.0.1.example', 'db'])
      assert.equal(isLoopback(host), false, host)
  })
})

describe('a listener for other machines', () => {
  const open = async (config: BrokerConfig = {}) => {
    const warnings: (readonly [Record<string, unknown>, string])[] = []
    const quiet = () => {}
    const logger = {
      debug: quiet,
      info: quiet,
      error: quiet,
      warn: (fields: Record<string, unknown>, message: string) => warnings.push([fields, message]),
    }
    const simulation = simulatedPlatform({ seed: 1 })
    const { platform } = simulation.host('local')
    const options = { platform, dataDirectory: '/data', config, logger: logger as unknown as Logger }
    return { broker: await simulation.runUntil(Broker.open(options)), simulation, warnings }
  }

  it('is refused when nobody has to say who they are, in three lines', async () => {
    const { broker, simulation } = await open()
    const attempt = broker.listen({ host: '0.0.0.0', port: 9092 })
    await assert.rejects(attempt, (error) => {
      assert.ok(isMillraceError(error, 'MR_LISTEN_EXPOSED'))
      assert.equal(
        formatError(error),
        [
          'error a listener for other machines lets in everybody',
          '  at 0.0.0.0:9092',
          '  Listen on 127.0.0.1, ask for a login (SASL_SSL), or allow it with insecure.listeners.allow.',
          '  MR_LISTEN_EXPOSED',
        ].join('\n'),
      )
      return true
    })
    await simulation.runUntil(broker.close())
  })

  it('is opened when that is allowed, with a warning', async () => {
    const config = { listeners: 'PLAINTEXT://0.0.0.0:9092', 'insecure.listeners.allow': true }
    const { broker, simulation, warnings } = await open(config)
    await simulation.runUntil(broker.listenAsConfigured())
    assert.equal(warnings.length, 1)
    const [fields, message] = warnings[0]!
    assert.equal(message, 'a listener for other machines lets in everybody')
    assert.deepEqual([fields['code'], fields['where']], ['MR_LISTEN_EXPOSED', '0.0.0.0:9092'])
    assert.match(String(fields['hint']), /ask for a login/)
    await simulation.runUntil(broker.close())
  })

  it('is opened when clients log in, with a warning where passwords can be read on their way', async () => {
    const { broker, simulation, warnings } = await open({ listeners: 'SASL_PLAINTEXT://0.0.0.0:9092' })
    await simulation.runUntil(broker.listenAsConfigured())
    assert.equal(warnings.length, 1)
    assert.match(warnings[0]![1], /can be read on its way/)
    await simulation.runUntil(broker.close())
  })

  it('needs a certificate for TLS, and authorities where clients show theirs', async () => {
    const { broker, simulation } = await open({ 'listener.name.mtls.ssl.client.auth': 'required' })
    const listen = (name: string) => broker.listen({ host: '127.0.0.1', port: 1, name, protocol: 'SSL' })
    await assert.rejects(listen('TLS'), { code: 'MR_CONFIG_INVALID', where: 'ssl.keystore.location' })
    await assert.rejects(listen('MTLS'), { code: 'MR_CONFIG_INVALID', where: 'ssl.truststore.location' })
    await simulation.runUntil(broker.close())
  })
})

describe('secrets of the settings', () => {
  it('are told to nobody', async () => {
    const broker = await TestBroker.open({
      'ssl.keystore.password': 'canary-1',
      'ssl.key.password': 'canary-2',
      'plain.sasl.jaas.config': 'PlainLoginModule required user_a="canary-3";',
      'ssl.keystore.key': 'canary-4',
    })
    const resource = { resourceType: 4, resourceName: '1', configurationKeys: null }
    const request = { resources: [resource], includeSynonyms: true, includeDocumentation: true }
    const { results } = await broker.send(describeConfigs, request)
    assert.ok(!JSON.stringify(results).includes('canary'))
    const secret = results[0]?.configs.filter(({ isSensitive }) => isSensitive)
    assert.deepEqual(
      secret?.map(({ configType, name, value }) => [name, value, configType]),
      ['plain.sasl.jaas.config', 'ssl.key.password', 'ssl.keystore.key', 'ssl.keystore.password'].map(
        (name) => [name, null, 9],
      ),
    )
    await broker.close()
  })
})
