/** Kafka Streams and Millrace, side by side: documented cases row by row, and random inputs. */
import { after, describe } from 'node:test'
import { compareInputs } from './compare-inputs.ts'
import { compareTables } from './compare-tables.ts'
import { startWitness } from './witness.ts'

const started = startWitness()
after(() => started.witness?.close())

describe('the tables of semantics.md', () => compareTables(started))
describe('Kafka Streams and Millrace give the same', () => compareInputs(started))
