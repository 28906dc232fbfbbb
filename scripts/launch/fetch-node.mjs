/**
 * Gets a Node that is new enough. The npm registry has the official builds as packages, one per platform and
 * architecture, so npm, which is there anyway, fetches them: into .cache/node-MAJOR, which git ignores.
 *
 * It is installed into a folder of its own, tried, and renamed: a start that is interrupted, or two at the
 * same time, never leave half a Node behind.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { LaunchFailure } from './failure.mjs'
import { withLock } from './lock.mjs'
import { npm } from './npm.mjs'

const OLDEST = [22, 18]
const PREFERRED = '24'
const offered = ['22', '24', '26']

/** The package that holds Node for this machine; which ones exist was looked up in the registry. */
function packageName() {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const prefix = platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'
  return `${prefix}-${platform}-${process.arch}`
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
}

/** The path of the Node to run tasks with. */
export async function chooseNode(root) {
  const running = process.versions.node
  const forced = process.env.MILLRACE_NODE
  if (forced !== undefined && forced !== '' && !offered.includes(forced)) {
    throw new LaunchFailure(
      `MILLRACE_NODE is "${forced}"\n  Set it to one of ${offered.join(', ')}, or leave it out.`,
    )
  }
  if (isNewEnough(running) && (!forced || running.startsWith(`${forced}.`))) return process.execPath
  const major = forced || PREFERRED
  const folder = path.join(root, '.cache', `node-${major}`)
  const node = nodeIn(folder)
  if (!fs.existsSync(node))
    await withLock(root, `node-${major}`, () => fetchNode({ root, folder, major, running }))
  return node
}

function nodeIn(folder) {
  const file = process.platform === 'win32' ? 'node.exe' : 'node'
  return path.join(folder, 'node_modules', packageName(), 'bin', file)
}

async function fetchNode({ root, folder, major, running }) {
  // Another start may have fetched it while this one waited.
  if (fs.existsSync(nodeIn(folder))) return
  const why = isNewEnough(running)
    ? 'MILLRACE_NODE asks for it'
    : `Millrace needs ${OLDEST.join('.')} or newer`
  process.stderr.write(
    `This is Node ${running}; ${why}: fetching Node ${major} into .cache/node-${major} …\n`,
  )
  const draft = fs.mkdtempSync(path.join(root, '.cache', `node-${major}-draft-`))
  try {
    fs.writeFileSync(path.join(draft, 'package.json'), '{ "private": true }')
    const quiet = ['--no-audit', '--no-fund', '--no-save', '--no-package-lock', '--ignore-scripts']
    // Not by --prefix: npm would look for the machine's settings there.
    await npm(['install', ...quiet, `${packageName()}@${major}`], draft)
    execFileSync(nodeIn(draft), ['--version'], { stdio: 'pipe' })
    fs.rmSync(folder, { recursive: true, force: true })
    fs.renameSync(draft, folder)
  } catch (error) {
    throw new LaunchFailure(
      `Node ${major} could not be fetched as ${packageName()}@${major}\n` +
        `  Install Node ${OLDEST.join('.')} or newer yourself (https://nodejs.org), then run the command again.\n\n` +
        `${error.message}`,
    )
  } finally {
    fs.rmSync(draft, { recursive: true, force: true })
  }
}
