/**
 * A real Kafka of three nodes under faults, `npm run sim -- kafka-faults [--records 1000000] [--rate 5000] [--seed 1]
 * [--protocol classic|consumer]`: how it went, and what was lost, doubled, out of order, or read though aborted.
 */
import { parseArgs } from 'node:util'
import { simulatedRandom } from '../../src/platform/simulated/random.ts'
import { faultyAnomalies, runFaults } from '../kafka/faults/faults.ts'

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    rate: { type: 'string', default: '5000' },
    seed: { type: 'string', default: '1' },
    protocol: { type: 'string', default: 'classic' },
  },
})

const startMs = performance.now()
const report = await runFaults({
  records: Number(values.records),
  recordsPerSecond: Number(values.rate),
  random: simulatedRandom(values.seed),
  protocol: values.protocol === 'consumer' ? 'consumer' : 'classic',
  say: (line) => process.stdout.write(`${((performance.now() - startMs) / 1000).toFixed(1)} s  ${line}\n`),
})
const { anomalies, copies, again, troubles } = report
process.stdout.write(
  `${[
    `${report.sent} records sent by 4 producers, ${report.uncertain} with an end that nobody told, ${report.faults.length} faults`,
    `lost ${anomalies.lost.length}, doubled ${anomalies.duplicated.length}, out of order ${anomalies.outOfOrder.length}, aborted and read ${anomalies.abortedRead.length}, torn transactions ${anomalies.torn.length}`,
    `copied by the group: missing ${copies.missing} (${copies.gaps.join(', ')}), doubled ${copies.doubled}, out of order ${copies.outOfOrder}`,
    `topic made again: ${again.written} records, lost ${again.anomalies.lost.length}, doubled ${again.anomalies.duplicated.length}`,
    `got over: ${[...troubles].map(([name, count]) => `${count} × ${name}`).join(', ') || 'nothing'}`,
    `examples: ${[...Object.values(anomalies), ...Object.values(again.anomalies)].flat().slice(0, 20).join(', ') || 'none'}`,
  ].join('\n')}\n`,
)
process.exitCode = faultyAnomalies(report) === 0 ? 0 : 1
