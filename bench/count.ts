/** `npm run bench -- count --events FILE`: bids of at least 10,000 by auction, tumbling 10 s of event time: how many, and their sum. See engine/engine.ts. */
import { benchEngine } from './engine/engine.ts'

await benchEngine('count')
