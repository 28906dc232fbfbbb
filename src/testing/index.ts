/** What a user imports from `millrace/testing`. */
export { type DriverRecord, type DriverTopic, type TestDriver, testDriver } from './test-driver.ts'
