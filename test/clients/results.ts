/** What a run found out about a client, kept for the page, and the page printed when MILLRACE_PRINT_CLIENTS=1. */
import fs from 'node:fs'
import path from 'node:path'
import { clientNames, clientsDirectory } from '../../scripts/clients/packages.ts'
import { root } from '../../scripts/repository.ts'
import { type ClientResult, type ProgramResult, printClients } from './page.ts'
import type { ScenarioName } from './scenario.ts'
import type { ClientSuite } from './suite.ts'
import { namedBrokers } from './target.ts'

const directory = path.join(clientsDirectory, 'results')
const page = path.join(root, 'docs', 'reference', 'clients.md')

export class Results {
  version = ''
  private readonly suite: ClientSuite
  private readonly cells: Partial<Record<ScenarioName, 'passes' | 'lacks'>> = {}

  constructor(suite: ClientSuite) {
    this.suite = suite
  }

  passes(name: ScenarioName): void {
    this.cells[name] = 'passes'
  }

  lacks(name: ScenarioName): void {
    this.cells[name] = 'lacks'
  }

  /** Of a run against our own broker. */
  keep(): void {
    if (process.env['MILLRACE_PRINT_CLIENTS'] !== '1' || namedBrokers !== undefined || this.version === '')
      return
    const { client, title, language, lacks = {}, headersOnce, rereads, losesRefusals } = this.suite
    const notes = [
      ...(this.suite.notes ?? []),
      ...[rereads, losesRefusals].filter((note) => note !== undefined),
      ...(headersOnce === true ? ['It cannot give two headers of a record the same name.'] : []),
    ]
    const result: ClientResult = { title, language, version: this.version, cells: this.cells, lacks, notes }
    save(client, result)
  }
}

/** Keeps that a program which is no client by itself has passed its tests. */
export function keepProgram(name: string, result: ProgramResult): void {
  if (process.env['MILLRACE_PRINT_CLIENTS'] !== '1' || namedBrokers !== undefined) return
  save(`program-${name}`, result)
}

function save(name: string, result: ClientResult | ProgramResult): void {
  fs.mkdirSync(directory, { recursive: true })
  write(path.join(directory, `${name}.json`), `${JSON.stringify(result, undefined, 2)}\n`)
  // Files run beside each other: the last one to get here finds the results of all.
  const read = <R>(names: readonly string[]): R[] =>
    names
      .map((one) => path.join(directory, `${one}.json`))
      .filter((file) => fs.existsSync(file))
      .map((file) => JSON.parse(fs.readFileSync(file, 'utf8')) as R)
  const programs = ['tools', 'streams', 'connect'].map((one) => `program-${one}`)
  write(page, printClients(read<ClientResult>(clientNames), read<ProgramResult>(programs)))
}

function write(file: string, text: string): void {
  const temporary = `${file}.${process.pid}`
  fs.writeFileSync(temporary, text)
  fs.renameSync(temporary, file)
}
