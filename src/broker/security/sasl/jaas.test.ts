import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isMillraceError } from '../../../core/errors.ts'
import { jaasUsers } from './jaas.ts'

test('users are read from the text of Kafka, over several lines and with any password', () => {
  const users = jaasUsers(`org.apache.kafka.common.security.plain.PlainLoginModule required
    username="broker" password="x"
    user_admin="a \\"quoted\\" ; secret"
    user_alice=bare
    user_o.k-b="=";`)
  assert.deepEqual(
    [...users],
    [
      ['admin', 'a "quoted" ; secret'],
      ['alice', 'bare'],
      ['o.k-b', '='],
    ],
  )
  assert.equal(jaasUsers('').size, 0)
})

test('a text that cannot be read is refused, without its passwords', () => {
  const texts = [
    'user_alice="s3cret"',
    'PlainLoginModule required user_alice="s3cret"',
    'PlainLoginModule required user_alice="s3cret;',
    'com.sun.security.auth.module.JndiLoginModule required user_alice="s3cret";',
    'PlainLoginModule required user_alice="s3cret"; trailing',
  ]
  for (const text of texts) {
    assert.throws(
      () => jaasUsers(text),
      (error) => {
        assert.ok(isMillraceError(error, 'MR_CONFIG_INVALID'))
        assert.ok(!`${error.message} ${error.hint}`.includes('s3cret'))
        return true
      },
    )
  }
})
