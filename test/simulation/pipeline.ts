/**
 * `npm run sim -- pipeline --seeds 600 [--from N]`: runs many seeds, one after the other, and tells which failed.
 * `npm run sim -- pipeline --seed N`: runs one, as a failed test prints it, and tells all that happens in it.
 */
import { parseArgs } from 'node:util'
import { replayCommand, runPipelineSimulation } from './pipeline/run.ts'

const usage = 'npm run sim -- pipeline --seeds COUNT [--from SEED] | --seed SEED'

function number(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  process.stderr.write(`error --${name} takes a whole number, not "${text}"\n  ${usage}\n`)
  process.exit(2)
}

async function runOne(seed: number): Promise<void> {
  const tell = (line: string): void => void process.stdout.write(`${line}\n`)
  const { crashes, acknowledged, stored, windows } = await runPipelineSimulation({ seed, tell })
  tell(
    `seed ${seed}: ${crashes} crashes, ${acknowledged} of ${stored} records acknowledged, ${windows} results`,
  )
}

async function runMany(from: number, count: number): Promise<void> {
  const failed: number[] = []
  const startMs = performance.now()
  let virtualMs = 0
  for (let seed = from; seed < from + count; seed++) {
    try {
      virtualMs += (await runPipelineSimulation({ seed })).elapsedMs
    } catch (error) {
      failed.push(seed)
      const text = String(error).split('\n')[0]
      process.stdout.write(`seed ${seed} failed: ${text}\n  ${replayCommand(seed)}\n`)
    }
  }
  const sec = (performance.now() - startMs) / 1000
  const time = `${(virtualMs / 1000).toFixed(0)} s of simulated time in ${sec.toFixed(0)} s`
  process.stdout.write(`${count} seeds, ${failed.length} failed; ${time}\n`)
  if (failed.length > 0) process.exitCode = 1
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ options: { seed: text, seeds: text, from: text } })
  const seed = number(values.seed, 'seed')
  if (seed !== undefined) return runOne(seed)
  await runMany(number(values.from, 'from') ?? 1, number(values.seeds, 'seeds') ?? 100)
}

await main().catch((error: unknown) => {
  process.stderr.write(`error ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exitCode = 1
})
