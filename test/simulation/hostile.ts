/** `npm run sim -- hostile --frames 1000000 [--seed N]`: mutated frames against a broker, beside a client that behaves. */
import { parseArgs } from 'node:util'
import { attack, mebibytes } from '../hostile/attack.ts'

const { values } = parseArgs({
  options: { frames: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '0' } },
})

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const outcome = await attack({ seed: Number(values.seed), frames: Number(values.frames), print })
const { frames, connections, cut, answers, rounds, roundMsMax, grownBytes } = outcome
print(
  `${frames} frames over ${connections} connections: ${cut} cut off, ${answers} answers; ${rounds} rounds of the client beside them, ${roundMsMax.toFixed(1)} ms at most; memory grew by ${mebibytes(grownBytes)}`,
)
