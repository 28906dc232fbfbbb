/** A broker that is not the one it says, as the client of SCRAM finds out. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { saltPassword, scramKeys, serverSignature } from '../../../protocol/sasl/scram.ts'
import { ScramClient } from './scram-client.ts'

const mechanism = 'SCRAM-SHA-512'
const salt = Buffer.from('some salt')

function open(): { client: ScramClient; nonce: string } {
  const freshBytes = (count: number) => Buffer.alloc(count, 7)
  const client = new ScramClient({ mechanism, username: 'alice', password: 'hers', freshBytes })
  const nonce = /r=(.*)$/.exec(client.first().toString())![1]!
  return { client, nonce }
}

const untrusted = { code: 'MR_PROTOCOL_REQUEST_INVALID', message: /cannot be trusted/ }

describe('ScramClient', () => {
  it('believes a broker that knows the password', () => {
    const { client, nonce } = open()
    const first = `r=${nonce}theirs,s=${salt.toString('base64')},i=4096`
    const final = client.final(Buffer.from(first)).toString()
    const withoutProof = final.slice(0, final.indexOf(',p='))
    const authMessage = `${client.first().toString().slice(3)},${first},${withoutProof}`
    const { serverKey } = scramKeys(mechanism, saltPassword(mechanism, 'hers', { salt, iterations: 4096 }))
    client.check(Buffer.from(`v=${serverSignature(mechanism, serverKey, authMessage).toString('base64')}`))
    assert.throws(() => client.check(Buffer.from(`v=${Buffer.alloc(64).toString('base64')}`)), untrusted)
    for (const text of ['', 'v=', 'v=AAAA', 'e=other'])
      assert.throws(() => client.check(Buffer.from(text)), untrusted)
  })

  const wrong: Readonly<Record<string, (nonce: string) => string>> = {
    'another nonce': () => `r=abc,s=${salt.toString('base64')},i=4096`,
    'our nonce alone': (nonce) => `r=${nonce},s=${salt.toString('base64')},i=4096`,
    'too few iterations': (nonce) => `r=${nonce}x,s=${salt.toString('base64')},i=1`,
    'iterations that would keep the process busy': (nonce) =>
      `r=${nonce}x,s=${salt.toString('base64')},i=99999999`,
    'no salt': (nonce) => `r=${nonce}x,s=,i=4096`,
    'something else': () => 'hello',
  }
  for (const [what, answer] of Object.entries(wrong)) {
    it(`does not answer to ${what}`, () => {
      const { client, nonce } = open()
      assert.throws(() => client.final(Buffer.from(answer(nonce))), untrusted)
    })
  }
})
