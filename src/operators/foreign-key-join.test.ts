import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json, stringSerde } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { testDriver } from '../testing/test-driver.ts'
import { foreignKeyResultOperator } from './foreign-key-join.ts'
import { OperatorRun } from './operator-fixture.ts'

describe('a join by a foreign key', () => {
  it('lets no answer pass once there was one to a later change, also after a restart', () => {
    const run = new OperatorRun(
      foreignKeyResultOperator({ store: 'answered', keySerde: stringSerde as never, inputCount: 1 }),
    )
    const answer = (key: string, version: number, value: string | null, atMs: number): void =>
      run.push(key, { version, value }, atMs)
    answer('k', 7, 'new', 10)
    answer('k', 6, 'stale', 11)
    answer('other', 1, 'first', 12)
    run.restart()
    answer('k', 7, 'newer row', 13)
    answer('k', 8, null, 14)
    answer('k', 7, 'stale', 15)
    assert.deepEqual(
      run.results.map(({ value }) => value),
      ['new', 'first', 'newer row', null],
    )
  })

  it('forgets keys without a result after a day, and no others', () => {
    const run = new OperatorRun(
      foreignKeyResultOperator({ store: 'answered', keySerde: stringSerde as never, inputCount: 1 }),
    )
    const dayMs = 86_400_000
    run.push('gone', { version: 1, value: null }, 10)
    run.push('kept', { version: 2, value: 'x' }, 10)
    run.push('back', { version: 3, value: null }, 20)
    run.restart()
    run.push('back', { version: 4, value: 'x' }, 30)
    run.push('gone', { version: 0, value: 'stale' }, 10 + dayMs - 1)
    for (const key of ['gone', 'kept', 'back']) run.push(key, { version: 0, value: 'stale' }, 40 + dayMs)
    assert.deepEqual(
      run.results.map(({ key, value }) => [key, value]),
      [
        ['gone', null],
        ['kept', 'x'],
        ['back', null],
        ['back', 'x'],
        ['gone', 'stale'],
      ],
    )
  })

  it('joins a table with itself', () => {
    const app = pipeline('staff')
    const people = app.table('people', json<{ name: string; boss: string | null }>())
    people
      .leftJoinOn(
        people,
        (person) => person.boss,
        (person, boss) => `${person.name} < ${boss?.name ?? '-'}`,
      )
      .to('out')
    const driver = testDriver(app)
    driver.topic('people').append({ name: 'Ann', boss: 'b' }, { key: 'a' })
    driver.topic('people').append({ name: 'Bob', boss: null }, { key: 'b' })
    driver.topic('people').append({ name: 'Rob', boss: null }, { key: 'b' })
    driver.topic('people').append(null, { key: 'b' })
    driver.topic('people').append(null, { key: 'a' })
    const out = driver.topic('out').read<string | null, string>()
    const last = Object.fromEntries(out.map(({ key, value }) => [key, value]))
    assert.deepEqual(last, { a: null, b: null })
    const ofAnn = out.filter(({ key }) => key === 'a').map(({ value }) => value)
    assert.deepEqual(ofAnn, ['Ann < -', 'Ann < Bob', 'Ann < Rob', 'Ann < -', null])
  })

  it('forgets the subscriptions of rows that are gone', () => {
    const app = pipeline('forgets')
    const rows = app.table('rows', json<string>())
    const items = app.table('items', json<string>())
    items
      .joinOn(
        rows,
        (item) => item,
        (item, row) => item + row,
        { name: 'joined' },
      )
      .to('out')
    const driver = testDriver(app)
    for (const value of ['x', 'y', 'x', null]) driver.topic('items').append(value, { key: 'k' })
    assert.equal(driver.store('joined-subscriptions').entryCount, 0)
  })
})
