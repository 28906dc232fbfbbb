/**
 * `npm start [-- [CONFIG] [--once …]]`: `millrace dev` with a configuration, by default the demo "flights", live or
 * once to the end of its input. The page is built before if it has to be; a run that ends by itself goes without.
 */
import { buildConsole } from '../console.ts'

const demo = 'examples/flights/millrace.config.ts'
const given = process.argv.slice(2)
const named = given[0] !== undefined && !given[0].startsWith('-')
const program = new URL('../../bin/millrace.mjs', import.meta.url)

if (!given.includes('--once')) {
  const built = await buildConsole('Building the page')
  if (built !== undefined && built.code !== 0) process.stderr.write(built.output)
}
// In this process, so that signals and keys reach the demo itself.
process.argv.splice(1, process.argv.length, program.pathname, 'dev', ...(named ? [] : [demo]), ...given)
await import(program.href)
