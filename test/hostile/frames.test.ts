/**
 * Mutated and random frames against the broker's listener, beside a client that behaves. `npm run sim -- hostile
 * --frames 1000000` sends more.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attack, mebibytes } from './attack.ts'

const FRAMES = 20_000
const GROWN_BYTES_MAX = 32 * 1024 * 1024

test(`${FRAMES} mutated frames: no crash, no growth, no other connection disturbed`, async (context) => {
  const outcome = await attack({ seed: 0, frames: FRAMES })
  const { frames, connections, cut, answers, rounds, roundMsMax, grownBytes } = outcome
  context.diagnostic(
    `${frames} frames over ${connections} connections, ${cut} cut off, ${answers} answers; ${rounds} rounds beside them, ${roundMsMax.toFixed(1)} ms at most; grown by ${mebibytes(grownBytes)}`,
  )
  assert.ok(frames >= FRAMES && cut > FRAMES / 4 && answers > FRAMES / 20 && rounds > 30)
  assert.ok(roundMsMax < 50, `${roundMsMax} ms of simulated time`)
  assert.ok(grownBytes < GROWN_BYTES_MAX, `${grownBytes} bytes`)
})
