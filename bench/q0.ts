/** `npm run bench -- q0 --events FILE`: bids passed through, parsed and written again. See engine/engine.ts. */
import { benchEngine } from './engine/engine.ts'

await benchEngine('q0')
