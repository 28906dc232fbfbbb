import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Operation, type Resource, topicResource } from '../../request-context.ts'
import type { Acl } from './acl.ts'
import { AclIndex } from './acl-index.ts'
import { StandardAuthorizer } from './standard-authorizer.ts'

const rule = (acl: Partial<Acl>): Acl => ({
  type: 'topic',
  pattern: 'literal',
  name: 'clicks',
  principal: 'User:alice',
  host: '*',
  operation: 'read',
  permission: 'allow',
  ...acl,
})

function authorizer(acls: readonly Acl[], rules: { superUsers?: string[]; allowIfNoAcl?: boolean } = {}) {
  const { allowIfNoAcl = false, superUsers = [] } = rules
  return new StandardAuthorizer({ superUsers: new Set(superUsers), allowIfNoAcl }, new AclIndex(acls))
}

const as = (name: string, clientHost = '10.0.0.1') => ({ principal: { type: 'User', name }, clientHost })
const alice = as('alice')
const clicks = topicResource('clicks')

describe('StandardAuthorizer', () => {
  it('allows what a rule allows, and nothing else', () => {
    const { allows } = bound(authorizer([rule({})]))
    assert.equal(allows(alice, 'read', clicks), true)
    assert.equal(allows(alice, 'write', clicks), false)
    assert.equal(allows(as('bob'), 'read', clicks), false)
    assert.equal(allows(alice, 'read', topicResource('clicks2')), false)
    assert.equal(allows(alice, 'read', { type: 'group', name: 'clicks' }), false)
  })

  it('takes a rule for one host for that host only', () => {
    const { allows } = bound(authorizer([rule({ host: '10.0.0.1' })]))
    assert.equal(allows(alice, 'read', clicks), true)
    assert.equal(allows(as('alice', '10.0.0.2'), 'read', clicks), false)
  })

  it('takes * for all names and all users', () => {
    const { allows } = bound(authorizer([rule({ name: '*', principal: 'User:*' })]))
    assert.equal(allows(as('bob'), 'read', topicResource('anything')), true)
  })

  it('takes a prefix for all names that begin with it, in any length', () => {
    const { allows } = bound(
      authorizer([
        rule({ pattern: 'prefixed', name: 'cl' }),
        rule({ pattern: 'prefixed', name: 'clicks-of-' }),
      ]),
    )
    assert.equal(allows(alice, 'read', clicks), true)
    assert.equal(allows(alice, 'read', topicResource('clicks-of-day')), true)
    assert.equal(allows(alice, 'read', topicResource('cl')), true)
    assert.equal(allows(alice, 'read', topicResource('c')), false)
  })

  it('lets a rule that denies win, whatever it is about and in any order', () => {
    for (const denial of [
      rule({ permission: 'deny' }),
      rule({ permission: 'deny', operation: 'all' }),
      rule({ permission: 'deny', name: '*' }),
      rule({ permission: 'deny', pattern: 'prefixed', name: 'c' }),
      rule({ permission: 'deny', principal: 'User:*' }),
    ]) {
      const allow = rule({ operation: 'all' })
      for (const acls of [
        [allow, denial],
        [denial, allow],
      ]) {
        assert.equal(authorizer(acls).allows(alice, 'read', clicks), false, JSON.stringify(denial))
      }
    }
  })

  it('implies DESCRIBE by reading, writing, deleting and altering, and DESCRIBE_CONFIGS by ALTER_CONFIGS', () => {
    for (const operation of ['read', 'write', 'delete', 'alter', 'all'] as const) {
      assert.equal(authorizer([rule({ operation })]).allows(alice, 'describe', clicks), true, operation)
    }
    for (const operation of ['create', 'describeConfigs', 'alterConfigs'] as const) {
      assert.equal(authorizer([rule({ operation })]).allows(alice, 'describe', clicks), false, operation)
    }
    const configs = authorizer([rule({ operation: 'alterConfigs' })])
    assert.equal(configs.allows(alice, 'describeConfigs', clicks), true)
  })

  it('implies nothing by what is denied', () => {
    const denied = authorizer([
      rule({ operation: 'describe' }),
      rule({ permission: 'deny', operation: 'read' }),
    ])
    assert.equal(denied.allows(alice, 'describe', clicks), true)
  })

  it('lets super users do everything, also what is denied', () => {
    const acls = [rule({ permission: 'deny', principal: 'User:*', operation: 'all' })]
    assert.equal(authorizer(acls, { superUsers: ['User:alice'] }).allows(alice, 'delete', clicks), true)
  })

  it('allows what no rule is about when told so, but not what rules are about', () => {
    const { allows } = bound(authorizer([rule({ principal: 'User:bob' })], { allowIfNoAcl: true }))
    assert.equal(allows(alice, 'read', topicResource('other')), true)
    assert.equal(allows(alice, 'read', clicks), false)
  })

  it('finds out whether there is any resource that may be written to', () => {
    const any = (acls: readonly Acl[]) => authorizer(acls).allowsAny(alice, 'write', 'topic')
    const write = rule({ operation: 'write' })
    const deny = rule({ operation: 'write', permission: 'deny' })
    assert.equal(any([]), false)
    assert.equal(any([rule({})]), false)
    assert.equal(any([write]), true)
    assert.equal(any([write, deny]), false)
    assert.equal(any([write, { ...deny, name: '*' }]), false)
    assert.equal(any([write, { ...deny, name: 'cli', pattern: 'prefixed' }]), false)
    assert.equal(any([{ ...write, pattern: 'prefixed' }, deny]), true)
    assert.equal(
      any([
        { ...write, name: '*' },
        { ...deny, name: 'cli', pattern: 'prefixed' },
      ]),
      true,
    )
  })

  it('finds the same rules by its index as by looking at all of them', () => {
    const name = fc.constantFrom('*', 'a', 'ab', 'abc', 'b', 'abcd')
    const acl = fc.record({
      type: fc.constantFrom<Resource['type']>('topic', 'group'),
      pattern: fc.constantFrom('literal' as const, 'prefixed' as const),
      name,
      principal: fc.constantFrom('User:alice', 'User:bob', 'User:*'),
      host: fc.constantFrom('*', '10.0.0.1', '10.0.0.2'),
      operation: fc.constantFrom<Operation>('all', 'read', 'write', 'describe', 'alter'),
      permission: fc.constantFrom('allow' as const, 'deny' as const),
    })
    const asked = fc.record({ operation: fc.constantFrom<Operation>('read', 'write', 'describe'), name })
    fc.assert(
      fc.property(fc.array(acl, { maxLength: 12 }), asked, (acls, { name: resource, operation }) => {
        const about = acls.filter(
          (each) =>
            each.type === 'topic' &&
            (each.pattern === 'literal'
              ? [resource, '*'].includes(each.name)
              : resource.startsWith(each.name)) &&
            ['User:alice', 'User:*'].includes(each.principal) &&
            ['*', '10.0.0.1'].includes(each.host),
        )
        const implied = operation === 'describe' ? ['read', 'write', 'delete', 'alter'] : []
        const denied = about.some(
          (each) => each.permission === 'deny' && [operation, 'all'].includes(each.operation),
        )
        const allowed = about.some(
          (each) => each.permission === 'allow' && [operation, 'all', ...implied].includes(each.operation),
        )
        const { allows } = bound(authorizer(acls))
        assert.equal(allows(alice, operation, topicResource(resource)), allowed && !denied)
      }),
      { numRuns: 500, seed: 7 },
    )
  })

  it('answers in microseconds with ten thousand rules', () => {
    const acls = Array.from({ length: 10_000 }, (_, at) =>
      rule({ name: `topic-${at}`, pattern: at % 2 === 0 ? 'literal' : 'prefixed' }),
    )
    const index = new AclIndex(acls)
    let looked = 0
    index.forEach(topicResource('topic-5001-of-today'), () => void looked++)
    assert.ok(looked <= 8, `${looked} rules were looked at`)
  })
})

/** Its question as a function. */
function bound(standard: StandardAuthorizer) {
  return { allows: (...question: Parameters<StandardAuthorizer['allows']>) => standard.allows(...question) }
}
