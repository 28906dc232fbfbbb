/**
 * The log under crashes, disk faults and clock jumps: log/simulation.ts says what happens and what must hold.
 * `npm run sim -- log --seeds 10000` runs more.
 */
import { anomalies } from './log/anomaly.ts'
import { plantedFaults } from './log/plants.ts'
import { logSimulation } from './log/simulation.ts'
import { testSimulation } from './seeds/suite.ts'

testSimulation({
  simulation: logSimulation,
  seeds: 500,
  isEnough: ({ crashes, faults, reads }, seeds) =>
    crashes > seeds && faults > seeds / 2 && reads > seeds * 100,
  anomalies,
  plantedFaults,
  plantSeeds: 12,
})
