/** `npm start [-- --once …]`: the demo "flights", live, or once to the end of its input. */
const config = 'examples/flights/millrace.config.ts'
const parameters = process.argv.slice(2)
const command = 'dev'
const program = new URL('../../bin/millrace.mjs', import.meta.url)

// In this process, so that signals and keys reach the demo itself.
process.argv.splice(1, process.argv.length, program.pathname, command, config, ...parameters)
await import(program.href)
