/** Kafka Streams and Millrace, side by side: documented cases row by row, random inputs, random programs. */
import { after, describe } from 'node:test'
import { compareInputs } from './compare-inputs.ts'
import { comparePrograms } from './compare-programs.ts'
import { compareTables } from './compare-tables.ts'
import { startWitness } from './witness.ts'

const started = startWitness()
after(() => started.witness?.close())

describe('the tables of semantics.md', () => compareTables(started))
describe('Kafka Streams and Millrace give the same', () => compareInputs(started))
describe('Kafka Streams and Millrace give the same of what is put together at random', () =>
  comparePrograms(started))
