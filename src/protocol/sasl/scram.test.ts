import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  clientProof,
  escapeSaslName,
  fromBase64,
  isProofOf,
  saltPassword,
  scramAttributes,
  scramKeys,
  serverSignature,
  unescapeSaslName,
} from './scram.ts'

describe('SCRAM', () => {
  it('computes the example of RFC 7677', () => {
    const mechanism = 'SCRAM-SHA-256'
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
    const salted = saltPassword(mechanism, 'pencil', { salt, iterations: 4096 })
    const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
    const authMessage = [
      'n=user,r=rOprNGfwEbeRWgbNEkqO',
      `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
      `c=biws,r=${nonce}`,
    ].join(',')
    const proof = clientProof(mechanism, salted, authMessage)
    assert.equal(proof.toString('base64'), 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=')
    const { serverKey, storedKey } = scramKeys(mechanism, salted)
    const signature = serverSignature(mechanism, serverKey, authMessage)
    assert.equal(signature.toString('base64'), '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
    assert.equal(isProofOf(mechanism, storedKey, { authMessage, proof }), true)
    for (let at = 0; at < proof.length; at++) {
      const other = Buffer.from(proof)
      other[at]! ^= 1
      assert.equal(isProofOf(mechanism, storedKey, { authMessage, proof: other }), false)
    }
    assert.equal(isProofOf(mechanism, storedKey, { authMessage, proof: proof.subarray(1) }), false)
  })

  it('writes names so that they do not end a message', () => {
    for (const name of ['alice', 'a,b=c', '=2C', 'ü,=']) {
      const text = escapeSaslName(name)
      assert.ok(!text.includes(','))
      assert.equal(unescapeSaslName(text), name)
    }
    for (const text of ['', 'a=b', 'a=2c', '=']) assert.equal(unescapeSaslName(text), undefined, text)
  })

  it('takes a message apart, and refuses what is none', () => {
    assert.deepEqual(scramAttributes('r=a=b,s=,i=1'), [
      ['r', 'a=b'],
      ['s', ''],
      ['i', '1'],
    ])
    for (const text of ['', 'r', 'r=a,', ',r=a', '1=a']) assert.equal(scramAttributes(text), undefined, text)
    for (const text of ['', 'a', 'abc', 'ab=c', 'a\n==']) assert.equal(fromBase64(text), undefined, text)
  })
})
