import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { principalMapping } from './principal-mapping.ts'

describe('principalMapping', () => {
  const subject = 'CN=Alice,OU=Ser/vice Users,O=Mill\\, Race,C=DE'

  it('takes the subject as it is by default', () => {
    assert.equal(principalMapping('DEFAULT')(subject), subject)
    assert.equal(principalMapping('')(subject), subject)
  })

  it('takes the first rule that fits the whole subject, and changes the case', () => {
    assert.equal(principalMapping('RULE:^CN=(.*?),OU=.*$/$1/,DEFAULT')(subject), 'Alice')
    assert.equal(principalMapping('RULE:^CN=(.*?),OU=.*$/$1/L')(subject), 'alice')
    assert.equal(principalMapping('RULE:CN=([^,]*),.*C=(..)/$2-$1/U')(subject), 'DE-ALICE')
    assert.equal(principalMapping('RULE:CN=Bob.*/x/, RULE:CN=Ali.*/y/, DEFAULT')(subject), 'y')
    assert.equal(principalMapping('RULE:CN=Alice/x/,DEFAULT')(subject), subject, 'a part does not fit')
    assert.equal(principalMapping('RULE:^.*OU=Ser\\/(.*?),O=.*$/$1/')(subject), 'vice Users')
  })

  it('gives nothing when no rule fits, or for a subject without end', () => {
    assert.equal(principalMapping('RULE:CN=Bob.*/x/')(subject), undefined)
    assert.equal(principalMapping('DEFAULT')(`CN=${'a'.repeat(3000)}`), undefined)
  })

  it('refuses rules that it does not understand, and patterns that could run for ever', () => {
    for (const text of [
      'RULE:abc',
      'NONSENSE',
      'RULE:(a/b/',
      'RULE:(a)\\1/b/',
      'DEFAULT DEFAULT',
      'RULE:a/b/X',
    ]) {
      assert.throws(() => principalMapping(text), { code: 'MR_CONFIG_INVALID' }, text)
    }
  })

  it('is not kept busy by a subject that almost fits a pattern of nested repetitions', () => {
    const mapping = principalMapping('RULE:CN=(a+)+,O=(b*)*c/$1/')
    assert.equal(mapping(`CN=${'a'.repeat(1900)}!`), undefined)
  })
})
