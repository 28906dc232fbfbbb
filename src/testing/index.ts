/** What a user imports from `millrace/testing`. */
export {
  clockJump,
  crashAt,
  delay,
  describeFault,
  drawFaults,
  duplicate,
  type Fault,
  type Machine,
  partition,
  reorder,
} from './cluster/fault.ts'
export { assertSurvives, type Breakage, findBreakage, type SearchOptions } from './cluster/search.ts'
export { type ClusterTestOptions, type ClusterTestRun, runTestCluster } from './cluster/test-cluster.ts'
export type { DriverStore } from './driver-store.ts'
export { type Fixture, formatFixture, loadFixture, parseFixture } from './fixture/fixture.ts'
export {
  type OffsetsOfPartition,
  type RecordFixtureOptions,
  recordFixture,
} from './fixture/record-fixture.ts'
export type { JsonSchema } from './generator/draw-value.ts'
export { type Generator, type GeneratorOptions, generator } from './generator/generator.ts'
export {
  assertOnce,
  assertOrder,
  findOnce,
  findOutOfOrder,
  type OnceFindings,
  type OnceOptions,
  type OrderFinding,
  type OrderOptions,
} from './record-checks.ts'
export {
  type DriverOptions,
  type DriverRecord,
  type DriverTopic,
  type TestDriver,
  testDriver,
} from './test-driver.ts'
