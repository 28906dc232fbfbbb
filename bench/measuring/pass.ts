/** What all benches share: one pass measured, and its RESULT line. */
import { readFileSync } from 'node:fs'

export interface PassResult {
  readonly job: string
  /** Records that went in. */
  readonly n: number
  readonly pass: number
  readonly threads: number
  /** Wall-clock seconds from the start of the job to its last result. */
  readonly sec: number
  readonly eps: number
  /** User and system seconds of the process in this pass. */
  readonly cpu: number
  /** Peak memory of the process so far, MB. */
  readonly hwm_mb: number
  /** Result rows. */
  readonly out: number
}

/** Runs a pass and prints its RESULT line. */
export async function measurePass(
  job: { readonly name: string; readonly threads: number; readonly pass: number },
  run: () => Promise<{ readonly records: number; readonly rows: number }>,
): Promise<PassResult> {
  const startMs = performance.now()
  const cpuBefore = process.cpuUsage()
  const { records, rows: out } = await run()
  const sec = (performance.now() - startMs) / 1000
  const used = process.cpuUsage(cpuBefore)
  const cpu = (used.user + used.system) / 1e6
  const result: PassResult = {
    job: job.name,
    n: records,
    pass: job.pass,
    threads: job.threads,
    sec: rounded(sec, 3),
    eps: Math.round(records / sec),
    cpu: rounded(cpu, 2),
    hwm_mb: peakMemoryMb(),
    out,
  }
  console.log(`RESULT ${JSON.stringify(result)}`)
  return result
}

/** For people: rates and CPU seconds per million records, of all passes and the median of the warm ones. */
export function printSummary(title: string, results: readonly PassResult[]): void {
  const warm = results.length > 1 ? results.slice(1) : results
  const median = (of: (result: PassResult) => number): number => medianOf(warm.map(of))
  const rate = Math.round(median(({ eps }) => eps)).toLocaleString('en-US')
  const cpu = rounded(
    median(({ cpu: seconds, n }) => (seconds * 1e6) / n),
    2,
  )
  const mb = Math.max(...results.map(({ hwm_mb }) => hwm_mb))
  console.log(
    `${title}: ${rate} records/s, ${cpu} CPU s per million, ${mb} MB at most (median of ${warm.length} warm passes)`,
  )
}

/** The middle one; the upper of the two middle ones of an even number. */
export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** With at most so many digits behind the point. */
export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

function peakMemoryMb(): number {
  const status = readFileSync('/proc/self/status', 'latin1')
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) >> 10
}
