/** Runs test files beside each other, the ones that took longest last time first. */
import fs from 'node:fs'
import path from 'node:path'
import { type FileResult, type RunOptions, runFile } from './run-file.ts'

export interface RunAllOptions extends RunOptions {
  readonly concurrency: number
  /** Where the times of the last run are kept. */
  readonly timesFile: string
  readonly onResult: (result: FileResult) => void
}

type Times = Record<string, number>

function readTimes(file: string): Times {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Times
  } catch {
    return {}
  }
}

export async function runAll(
  files: readonly string[],
  options: RunAllOptions,
): Promise<readonly FileResult[]> {
  const times = readTimes(options.timesFile)
  const timeOf = (file: string): number => times[file] ?? Number.POSITIVE_INFINITY
  const queue = files.toSorted((a, b) => Number(timeOf(b) > timeOf(a)) - Number(timeOf(b) < timeOf(a)))
  const results: FileResult[] = []
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runFile(file, options)
      results.push(result)
      times[file] = Math.round(result.ms)
      options.onResult(result)
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, work))
  fs.mkdirSync(path.dirname(options.timesFile), { recursive: true })
  fs.writeFileSync(options.timesFile, JSON.stringify(times))
  return results
}
