/** The web page: built by Vite when its sources are newer than what was built. */
import fs from 'node:fs'
import path from 'node:path'
import { filesUnder, root, runTool, type ToolResult, tools } from './repository.ts'

const CONFIG = 'console/vite.config.ts'
const built = path.join(root, 'console/dist/index.html')

const changedMs = (file: string): number => fs.statSync(path.join(root, file)).mtimeMs

function isCurrent(): boolean {
  if (!fs.existsSync(built)) return false
  const sources = [...filesUnder('console', () => true), 'package-lock.json']
  return fs.statSync(built).mtimeMs > Math.max(...sources.map(changedMs))
}

/**
 * Undefined when nothing had to be done.
 *
 * @param notice what somebody is told who waits for it
 */
export async function buildConsole(notice?: string): Promise<ToolResult | undefined> {
  if (!fs.existsSync(path.join(root, CONFIG)) || isCurrent()) return undefined
  if (notice !== undefined) process.stderr.write(`${notice} … `)
  const result = await runTool(tools.vite, ['build', 'console', '--config', CONFIG, '--logLevel', 'warn'])
  const outcome = result.code === 0 ? `${(result.ms / 1000).toFixed(1)} s` : 'failed'
  if (notice !== undefined) process.stderr.write(`${outcome}\n`)
  return result
}
