/**
 * Each public method of what a pipeline is written with, and each function that goes with them, is in an example of
 * docs/guide, and each method is in the tests of types. That the examples run is shown by the tests beside this one.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { operatorFunctions, operatorMethods } from './operator-list-fixture.ts'

const guide = new URL('../../../docs/guide/', import.meta.url)
const examples = readdirSync(guide)
  .filter((page) => page.endsWith('.md'))
  .flatMap((page) => [
    ...readFileSync(new URL(page, guide), 'utf8').matchAll(/^```ts[^\n]*\n([\s\S]*?)^```/gm),
  ])
  .map(([, code]) => code)
  .join('\n')

const types = ['dsl', 'joins']
  .map((name) => readFileSync(new URL(`../../dsl/${name}.types.test.ts`, import.meta.url), 'utf8'))
  .join('\n')

describe('the tests of types', () => {
  it('infer every method', () => {
    const all = operatorMethods().flatMap(([, methods]) => methods)
    assert.deepEqual(
      all.filter((method) => !new RegExp(`\\.${method}[(<]`).test(types)),
      [],
    )
  })
})

describe('the guide', () => {
  for (const [type, methods] of operatorMethods()) {
    it(`shows every method of ${type}`, () => {
      assert.ok(methods.length > 0)
      const missing = methods.filter((method) => !new RegExp(`\\.${method}[(<]`).test(examples))
      assert.deepEqual(missing, [])
    })
  }

  it('shows every function that operators are given', () => {
    const functions = operatorFunctions()
    assert.ok(functions.includes('tumbling') && functions.includes('topK'))
    const missing = functions.filter((name) => !new RegExp(`\\b${name}[(<]`).test(examples))
    assert.deepEqual(missing, [])
  })
})
