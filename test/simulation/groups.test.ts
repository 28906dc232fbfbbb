/**
 * Groups and transactions under crashes, disk faults and clock jumps: groups/simulation.ts says what happens and what
 * must hold. `npm run sim -- groups --seeds 10000` runs more.
 */
import { anomalies } from './groups/anomaly.ts'
import { plantedFaults } from './groups/plants.ts'
import { groupsSimulation } from './groups/simulation.ts'
import { testSimulation } from './seeds/suite.ts'

testSimulation({
  simulation: groupsSimulation,
  seeds: 60,
  isEnough: ({ crashes, commits, transactions }, seeds) =>
    crashes > seeds && commits > seeds * 50 && transactions > seeds * 20,
  anomalies,
  plantedFaults,
  plantSeeds: 24,
})
