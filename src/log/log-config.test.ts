import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { isKafkaError } from '../protocol/error-codes.ts'
import {
  codecLevel,
  defaultLogConfig,
  formatLogSetting,
  isLogSetting,
  logSettings,
  requiredCodec,
  resolveLogConfig,
  segmentAgeMaxMs,
  segmentBytesMax,
} from './log-config.ts'

const refused = (error: unknown): boolean =>
  isMillraceError(error, 'MR_CONFIG_INVALID') && isKafkaError(error, 'INVALID_CONFIG')

/** Name, type, default: as Kafka 4.3.1's own table of topic settings prints them. */
const kafkaDefaults = `
cleanup.policy list delete
compression.gzip.level int -1
compression.lz4.level int 9
compression.type string producer
compression.zstd.level int 3
delete.retention.ms long 86400000
file.delete.delay.ms long 60000
flush.messages long 9223372036854775807
flush.ms long 9223372036854775807
follower.replication.throttled.replicas list 
index.interval.bytes int 4096
leader.replication.throttled.replicas list 
local.retention.bytes long -2
local.retention.ms long -2
max.compaction.lag.ms long 9223372036854775807
max.message.bytes int 1048588
message.timestamp.after.max.ms long 3600000
message.timestamp.before.max.ms long 9223372036854775807
message.timestamp.type string CreateTime
min.cleanable.dirty.ratio double 0.5
min.compaction.lag.ms long 0
min.insync.replicas int 1
preallocate boolean false
remote.log.copy.disable boolean false
remote.log.delete.on.disable boolean false
remote.storage.enable boolean false
retention.bytes long -1
retention.ms long 604800000
segment.bytes int 1073741824
segment.index.bytes int 10485760
segment.jitter.ms long 0
segment.ms long 604800000
unclean.leader.election.enable boolean false`

describe('log settings', () => {
  it('have Kafka’s names, types and defaults, and flush', () => {
    const shown = logSettings
      .filter(({ internal, name }) => !internal && name !== 'flush')
      .map(({ name, type, default: value }) => `${name} ${type} ${formatLogSetting(name, value)}`)
    assert.equal(shown.join('\n'), kafkaDefaults.slice(1))
    assert.equal(defaultLogConfig.flush, 'os')
    assert.ok(logSettings.every(({ documentation, legal }) => documentation.endsWith('.') && legal !== ''))
  })

  it('read texts as Kafka does', () => {
    const config = resolveLogConfig({
      'cleanup.policy': ' compact, delete,compact',
      'segment.bytes': ' 2000000 ',
      'min.cleanable.dirty.ratio': ' .25',
      preallocate: 'TRUE',
      'retention.bytes': '-5',
      'retention.ms': '+5',
      'compression.type': 'gzip ',
      'compression.gzip.level': '-1',
      'min.compaction.lag.ms': '9223372036854775807',
    })
    assert.deepEqual(config['cleanup.policy'], ['compact', 'delete'])
    assert.equal(config['segment.bytes'], 2_000_000)
    assert.equal(config['min.cleanable.dirty.ratio'], 0.25)
    assert.equal(config.preallocate, true)
    assert.equal(config['retention.bytes'], -5)
    assert.equal(config['retention.ms'], 5)
    assert.equal(config['compression.type'], 'gzip')
    assert.equal(config['min.compaction.lag.ms'], Number.POSITIVE_INFINITY)
    assert.deepEqual(resolveLogConfig({ 'cleanup.policy': '' })['cleanup.policy'], [])
  })

  it('refuse what Kafka refuses, by name', () => {
    const wrong: readonly (readonly [string, string])[] = [
      ['cleanup.policy', 'Compact'],
      ['segment.bytes', '1048575'],
      ['segment.bytes', '1e6'],
      ['segment.bytes', ''],
      ['segment.bytes', '2147483648'],
      ['retention.ms', '-2'],
      ['min.cleanable.dirty.ratio', '1.5'],
      ['min.cleanable.dirty.ratio', 'NaN'],
      ['preallocate', 'yes'],
      ['compression.gzip.level', '0'],
      ['compression.type', 'none'],
      ['flush.ms', '9223372036854775808'],
      ['message.timestamp.type', 'createtime'],
      ['segment.ms', '0x10'],
      ['flush', 'never'],
      ['remote.storage.enable', 'true'],
      ['nonsense', '1'],
      ['__proto__', '1'],
      ['constructor', '1'],
    ]
    for (const [name, text] of wrong) {
      assert.throws(() => resolveLogConfig({ [name]: text }), refused, `${name}=${text}`)
      if (isLogSetting(name) && name !== 'remote.storage.enable') {
        assert.notEqual(logSettings.find((setting) => setting.name === name)?.validate(text), undefined)
      }
    }
    assert.throws(
      () => resolveLogConfig({ 'min.compaction.lag.ms': '100', 'max.compaction.lag.ms': '50' }),
      refused,
    )
  })

  it('write what they read', () => {
    for (const setting of logSettings) {
      const text = formatLogSetting(setting.name, setting.default)
      assert.equal(setting.validate(text), undefined, `${setting.name}=${text}`)
      const back = resolveLogConfig({ [setting.name]: text })[setting.name]
      assert.deepEqual(back, setting.default, setting.name)
    }
  })

  it('put a topic’s texts over the broker’s defaults', () => {
    const config = resolveLogConfig({ 'retention.ms': '5' }, { 'retention.ms': 7, 'segment.ms': 9 })
    assert.deepEqual([config['retention.ms'], config['segment.ms'], config['segment.bytes']], [5, 9, 2 ** 30])
  })

  it('answer what the log asks', () => {
    assert.equal(requiredCodec(resolveLogConfig()), undefined)
    assert.equal(requiredCodec(resolveLogConfig({ 'compression.type': 'uncompressed' })), 'none')
    assert.equal(requiredCodec(resolveLogConfig({ 'compression.type': 'zstd' })), 'zstd')
    assert.equal(codecLevel(resolveLogConfig({ 'compression.gzip.level': '7' }), 'gzip'), 7)
    assert.equal(codecLevel(resolveLogConfig(), 'gzip'), undefined)
    assert.equal(codecLevel(resolveLogConfig(), 'zstd'), 3)
    assert.equal(segmentBytesMax(resolveLogConfig({ 'internal.segment.bytes': '100' })), 100)
    const compacted = resolveLogConfig({ 'cleanup.policy': 'compact', 'max.compaction.lag.ms': '60' })
    assert.equal(segmentAgeMaxMs(compacted), 60)
  })
})
