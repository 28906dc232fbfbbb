/**
 * Runs a task of this repository: `node scripts/launch.mjs NAME [arguments]`. All npm scripts go through it,
 * and it needs nothing but some Node >= 18 and npm.
 *
 * 1. Choose the Node: the running one if it is new enough, else Node 24, fetched from the npm registry once
 *    (launch/fetch-node.mjs). `MILLRACE_NODE=22|24|26` forces a version, so that tests run on each.
 * 2. Install the dependencies if they are not those of package-lock.json (launch/install.mjs).
 * 3. Run scripts/tasks/NAME under that Node, with its signals, and end as it ends.
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { LaunchFailure } from './launch/failure.mjs'
import { chooseNode } from './launch/fetch-node.mjs'
import { installDependencies } from './launch/install.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const nodeFlags = ['--conditions=millrace-source', '--disable-warning=ExperimentalWarning']

function taskFile(name) {
  const folder = path.join(root, 'scripts', 'tasks')
  const file = ['.ts', '.mjs']
    .map((ending) => path.join(folder, `${name}${ending}`))
    .find((each) => fs.existsSync(each))
  if (file !== undefined && /^[a-z-]+$/.test(name)) return file
  const names = fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
  const known = names.map((entry) => entry.name.replace(/\.(ts|mjs)$/, '')).join(', ')
  throw new LaunchFailure(`no task "${name}"\n  Tasks are: ${known}`)
}

/** Runs to the end; gives the exit status, 128 + n after the signal n. */
function run(node, file, parameters) {
  const env = { NODE_COMPILE_CACHE: path.join(root, '.cache', 'compiled'), ...process.env }
  const child = spawn(node, [...nodeFlags, file, ...parameters], { cwd: root, stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole group: forwarding it would make one Ctrl-C two.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(signal === null ? code : 128 + os.constants.signals[signal]))
  })
}

async function main() {
  const [name = '', ...parameters] = process.argv.slice(2)
  const file = taskFile(name)
  const node = await chooseNode(root)
  await installDependencies(root)
  return run(node, file, parameters)
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    const expected = error instanceof LaunchFailure
    process.stderr.write(`error ${expected ? error.message : error.stack}\n`)
    process.exitCode = expected ? 2 : 1
  },
)
