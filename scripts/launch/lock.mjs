/** One process at a time: a lock file with its owner's pid, in .cache/. */
import fs from 'node:fs'
import path from 'node:path'
import { LaunchFailure } from './failure.mjs'

const POLL_MS = 200
const WAIT_MAX_MS = 15 * 60_000

function holderRuns(file) {
  try {
    process.kill(Number(fs.readFileSync(file, 'utf8')), 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/**
 * Runs `work` while no other process runs under the same lock; waits for the other one to end. The lock file
 * is made complete, by a link, so that nobody sees it without its owner's pid; one of a dead process is taken.
 */
export async function withLock(root, name, work) {
  const folder = path.join(root, '.cache')
  fs.mkdirSync(folder, { recursive: true })
  const file = path.join(folder, `${name}.lock`)
  const draft = `${file}.${process.pid}`
  fs.writeFileSync(draft, String(process.pid))
  try {
    for (let waitedMs = 0; !take(draft, file); waitedMs += POLL_MS) {
      if (waitedMs > WAIT_MAX_MS)
        throw new LaunchFailure(`another start holds ${file}\n  Remove it if none runs.`)
      if (holderRuns(file)) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      else fs.rmSync(file, { force: true })
    }
  } finally {
    fs.rmSync(draft, { force: true })
  }
  try {
    return await work()
  } finally {
    fs.rmSync(file, { force: true })
  }
}

function take(draft, file) {
  try {
    fs.linkSync(draft, file)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}
