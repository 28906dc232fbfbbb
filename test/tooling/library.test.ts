/**
 * The package as another package sees it: its types resolve without the sources and hold in a strict check of
 * libraries, and a library that exports streams and tables can write declarations for them.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { root, runTool, tools } from '../../scripts/repository.ts'

const source = `
import * as m from 'millrace'
import { testDriver } from 'millrace/testing'
interface Order { readonly id: string; readonly cents: number }
export const shop = m.pipeline('shop')
export const orders = shop.stream('orders', m.json<Order>())
export const totals = orders.groupByKey().aggregate({
  orders: m.count(), cents: m.sum((o) => o.cents), different: m.distinctCount((o) => o.id),
  about: m.distinctCountSketch((o) => o.id), median: m.quantiles((o) => o.cents, [0.5]),
})
export const visits = orders.groupByKey().window(m.session('1 minute', { emit: 'update' })).aggregate({ n: m.count() })
export const branches = orders.branch({ large: (o) => o.cents > 100 }, { default: 'rest' })
export const outputs = orders.process({
  outputs: { late: m.output<number>(), byId: m.outputBy<string, number>(m.json<number>()) },
  create: ({ forward }) => ({ process: ({ value }) => forward('late', value.cents) }),
})
export const assembled = m.assemble({ orders }, { timeout: '1 minute' })
export const matches = m.pattern('a', orders).followedBy('b', orders, { within: '1 minute' }).toStream()
export const driver = testDriver(shop)
`

describe('the package in another package', () => {
  let folder = ''
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-library-'))
  })
  after(() => fs.rmSync(folder, { recursive: true, force: true }))

  it('has types from which declarations can be written, with the names that a reader wants', async () => {
    const installed = path.join(folder, 'node_modules', 'millrace')
    fs.mkdirSync(installed, { recursive: true })
    fs.copyFileSync(path.join(root, 'package.json'), path.join(installed, 'package.json'))
    fs.symlinkSync(path.join(root, 'node_modules', '@types'), path.join(folder, 'node_modules', '@types'))
    const dist = path.join(installed, 'dist')
    const build = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', dist]
    const built = await runTool(tools.tsc, build)
    assert.equal(built.code, 0, built.output)

    fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }')
    fs.writeFileSync(path.join(folder, 'library.ts'), source)
    const compilerOptions = {
      target: 'es2024',
      module: 'nodenext',
      types: ['node'],
      strict: true,
      skipLibCheck: false,
      declaration: true,
      emitDeclarationOnly: true,
      outDir: 'out',
    }
    const project = path.join(folder, 'tsconfig.json')
    fs.writeFileSync(project, JSON.stringify({ compilerOptions, include: ['library.ts'] }))
    const compiled = await runTool(tools.tsc, ['-p', project])
    assert.equal(compiled.code, 0, compiled.output)

    const declared = fs.readFileSync(path.join(folder, 'out', 'library.d.ts'), 'utf8').replaceAll(/\s+/g, ' ')
    for (const line of [
      'totals: m.Table<string, { readonly orders: number; readonly cents: number;',
      'readonly median: readonly (number | null)[]; }, never>',
      'visits: m.Table<m.Windowed<string>, { readonly n: number; }, null>',
      'branches: { readonly large: m.Stream<string, Order>; readonly rest: m.Stream<string, Order>; }',
      'outputs: { readonly late: m.Stream<string, number>; readonly byId: m.Stream<number, string>; }',
    ])
      assert.ok(declared.includes(line), `${line}\nis not in\n${declared}`)
  })
})
