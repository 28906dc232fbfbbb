/** The bench of open connections, in small: what it prints of 10,000 must not rot. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { measureConnections } from '../../bench/connections/load.ts'
import { sourceProgram } from '../../bench/connections/serve.ts'

test('200 connections stay open while 20 of them write and read, and every request is answered', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-connections-'))
  try {
    const result = await measureConnections({
      open: 200,
      talking: 20,
      rounds: 2,
      roundMs: 50,
      settleMs: 0,
      program: sourceProgram,
      directory,
    })
    assert.equal(result.open, 200)
    assert.equal(result.requests, 80)
    assert.ok(result.readyMb > 0 && result.peakMb >= result.readyMb)
    assert.ok(result.p50Ms > 0 && result.p99Ms >= result.p50Ms)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
