/** The loop of a driver in JavaScript: a request per line comes in, an answer per line goes out. */
import { createRequire } from 'node:module'
import path from 'node:path'
import { createInterface } from 'node:readline'

/** The client's package, from where it is installed, and its version. */
export function load(name) {
  const require = createRequire(path.join(process.env.CLIENT_HOME, 'package.json'))
  const folder = path.join(process.env.CLIENT_HOME, 'node_modules', name)
  return { client: require(name), version: require(path.join(folder, 'package.json')).version }
}

/** Kafka's name of the first error below `error` that has one. */
function kafkaName(error, nameOf) {
  if (error === undefined || error === null) return null
  const own = nameOf(error)
  if (own !== undefined) return own
  for (const inner of [...(error.errors ?? []), error.cause]) {
    const found = kafkaName(inner, nameOf)
    if (found !== null) return found
  }
  return null
}

/** Serves requests until the input ends. `nameOf` gives Kafka's name of an error of this client, if it has one. */
export async function serve(ops, nameOf) {
  process.on('unhandledRejection', (error) => console.error('unhandled', error))
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, op, ...parameters } = JSON.parse(line)
    let answer
    try {
      if (ops[op] === undefined) throw new Error(`this client has no ${op}`)
      answer = { id, result: (await ops[op](parameters)) ?? null }
    } catch (error) {
      console.error(op, error)
      answer = { id, error: { kafka: kafkaName(error, nameOf), message: String(error?.message ?? error) } }
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`)
  }
  process.exit(0)
}

/** Waits until `holds()`; the caller has a deadline for the whole request. */
export async function until(holds) {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10))
}
