/** Kafka's own tool reads and verifies every kind of file that a log writes. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { installClient } from '../../scripts/clients/install.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { resolveLogConfig } from '../../src/log/log-config.ts'
import { appendTo, batchOf, NOW_MS, testPlatform } from '../../src/log/log-fixture.ts'
import { PartitionLog } from '../../src/log/partition-log.ts'
import { nodeDisk } from '../../src/platform/node/disk.ts'
import { codecs } from '../../src/protocol/compression/codec.ts'
import { runJava } from '../clients/java/java-command.ts'
import { missingKafka } from './cluster.ts'

let home = ''
const dumpLog = (...parameters: readonly string[]): Promise<string> =>
  runJava(home, 'org.apache.kafka.tools.DumpLogSegments', parameters)

const complaints =
  /error|mismatch|exception|not found|out of order|corrupt|passed sanity check: false|isvalid: false/i

describe('files of a log', { skip: missingKafka() ?? false }, () => {
  let directory = ''
  let compacted = ''
  const filesOf = (folder: string, suffix: string): string[] =>
    readdirSync(folder)
      .filter((name) => name.endsWith(suffix))
      .map((name) => join(folder, name))

  const open = (folder: string, settings: Readonly<Record<string, string>>): PartitionLog =>
    PartitionLog.open({
      platform: testPlatform(nodeDisk),
      directory: folder,
      topic: 'clicks',
      partition: 0,
      logger: silentLogger,
      leaderEpoch: 3,
      config: resolveLogConfig({
        'internal.segment.bytes': '20000',
        'index.interval.bytes': '500',
        ...settings,
      }),
    })

  before(async () => {
    home = await installClient('java')
    directory = mkdtempSync(join(tmpdir(), 'millrace-log-'))
    compacted = mkdtempSync(join(tmpdir(), 'millrace-log-'))
    await writeEveryKind(open(directory, {}))
    const log = open(compacted, {
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': '0',
      'delete.retention.ms': '1000',
    })
    await writeCompacted(log)
  })

  after(() => {
    for (const folder of [directory, compacted]) rmSync(folder, { recursive: true, force: true })
  })

  it('hold batches of every kind, which Kafka verifies one by one', async () => {
    for (const folder of [directory, compacted]) {
      const files = filesOf(folder, '.log')
      assert.ok(files.length > 2)
      const text = await dumpLog('--files', files.join(','), '--deep-iteration', '--print-data-log')
      assert.doesNotMatch(text, complaints)
      const batches = text.match(/^baseOffset: .*$/gm) ?? []
      assert.ok(batches.length > 100)
      for (const batch of batches) assert.match(batch, /isvalid: true/)
      for (const codec of codecs) assert.match(text, new RegExp(`compresscodec: ${codec}`))
      assert.match(text, /endTxnMarker: COMMIT/)
      assert.match(text, /isTransactional: true/)
      if (folder === compacted) assert.match(text, /deleteHorizonMs: OptionalLong\[/)
      else assert.match(text, /endTxnMarker: ABORT/)
    }
  })

  it('hold indexes that fit their segments', async () => {
    for (const folder of [directory, compacted]) {
      for (const suffix of ['.index', '.timeindex']) {
        const files = filesOf(folder, suffix)
        assert.ok(files.length > 2)
        for (const mode of [['--verify-index-only'], ['--index-sanity-check'], []]) {
          const text = await dumpLog('--files', files.join(','), ...mode)
          assert.doesNotMatch(text, complaints, `${suffix} ${mode.join(' ')}`)
          if (mode[0] === '--index-sanity-check') assert.match(text, /passed sanity check/)
        }
      }
    }
  })

  it('hold aborted transactions and snapshots of producers', async () => {
    const aborted = await dumpLog('--files', filesOf(directory, '.txnindex').join(','))
    assert.match(
      aborted,
      /version: 0 producerId: 9001 firstOffset: \d+ lastOffset: \d+ lastStableOffset: \d+/,
    )
    assert.doesNotMatch(aborted, complaints)
    const snapshots = await dumpLog('--files', filesOf(directory, '.snapshot').join(','))
    assert.match(snapshots, /producerId: 9001 producerEpoch: 1 coordinatorEpoch: 7/)
    assert.match(snapshots, /producerId: 77 producerEpoch: 0/)
    assert.doesNotMatch(snapshots, complaints)
  })
})

async function writeEveryKind(log: PartitionLog): Promise<void> {
  let sequence = 0
  for (let round = 0; round < 60; round++) {
    for (const compression of codecs) {
      const timestampMs = NOW_MS - 60_000 + round * 100 - (round % 3) * 250
      const records = Array.from({ length: 1 + (round % 7) }, (_, number) => ({
        key: `key ${number}`,
        value: `value ${round} ${compression} `.repeat(1 + (round % 5)),
        timestampMs: timestampMs + number,
        headers: [{ key: 'round', value: Buffer.from(String(round)) }],
      }))
      const idempotent = { producerId: 77, producerEpoch: 0, baseSequence: sequence }
      appendTo(log, records, { compression, ...(round % 2 === 0 ? idempotent : {}) })
      if (round % 2 === 0) sequence += records.length
    }
    transaction(log, round, round % 4 === 0 ? 'abort' : 'commit')
  }
  await log.close()
}

function transaction(log: PartitionLog, round: number, type: 'abort' | 'commit'): void {
  const producer = { producerId: 9001, producerEpoch: 1, baseSequence: round * 2, transactional: true }
  const timestampMs = NOW_MS - 60_000 + round * 100
  appendTo(
    log,
    [
      { key: 'a', value: 'in a transaction', timestampMs },
      { key: 'b', value: null, timestampMs },
    ],
    producer,
  )
  log.appendControl({
    type,
    producerId: 9001,
    producerEpoch: 1,
    coordinatorEpoch: 7,
    nowMs: NOW_MS - 60_000 + round * 100,
  })
}

async function writeCompacted(log: PartitionLog): Promise<void> {
  for (let pass = 0; pass < 3; pass++) {
    for (let round = 0; round < 60; round++) {
      for (const compression of codecs) {
        const records = Array.from({ length: 4 }, (_, number) => ({
          key: `key ${(round * 7 + number) % 90}`,
          value: (round + number) % 9 === 0 ? null : `value ${pass} ${round} `.repeat(5),
          timestampMs: NOW_MS - 60_000 + pass * 1000 + round,
        }))
        log.append(batchOf(records, { compression }), { origin: 'client', nowMs: NOW_MS })
      }
      transaction(log, pass * 60 + round, round % 4 === 0 ? 'abort' : 'commit')
    }
    const { compaction } = await log.clean(NOW_MS + pass * 700)
    assert.ok(compaction !== undefined && compaction.recordsAfter < compaction.recordsBefore)
  }
  await log.close()
}
