/** One process at a time: a file that holds the number of the process that has the lock. */
import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const WAIT_MS = 280_000
const ASK_EVERY_MS = 200

function take(file: string): boolean {
  try {
    fs.writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

/** The process that wrote the file has ended without taking it away. */
function isAbandoned(file: string): boolean {
  try {
    const pid = Number(fs.readFileSync(file, 'utf8'))
    // Between its making and its writing the file is empty.
    if (pid === 0) return false
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

export async function whileLocked(file: string, run: () => Promise<void>): Promise<void> {
  const endMs = performance.now() + WAIT_MS
  while (!take(file)) {
    if (isAbandoned(file)) fs.rmSync(file, { force: true })
    else if (performance.now() > endMs) throw new Error(`${file} is held by another process for too long`)
    else await sleep(ASK_EVERY_MS)
  }
  try {
    await run()
  } finally {
    fs.rmSync(file, { force: true })
  }
}
