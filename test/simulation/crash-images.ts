/**
 * `npm run sim -- crash-images --images 1000`: so many crash images per mode (process, power, names), from recorded
 * lives; `--life N` tries those of one life.
 */
import { parseArgs } from 'node:util'
import { tryImages } from '../crash-images/images.ts'

const { values } = parseArgs({
  options: { images: { type: 'string', default: '1000' }, life: { type: 'string' } },
})

const outcome = await tryImages({
  images: Number(values.images),
  ...(values.life === undefined ? {} : { life: Number(values.life) }),
  print: (line) => process.stdout.write(`${line}\n`),
})
if (outcome.failures.length > 0) process.exitCode = 1
