/** Calling the npm that is on this machine. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

/** What an outer npm passes on by the environment that is not meant for a call about another folder. */
const outerSetting = /^npm_(config_(global|prefix|local_prefix|workspaces?|dry_run)$|lifecycle_|package_)/i

/**
 * How npm is called: as the one that started this was, else as the running Node's own, else by its name.
 *
 * Never under a Node of ours: npm finds the machine's settings (registry, certificates) from where its Node
 * lies. No package runs a script while it is installed, so any Node gives the same result.
 */
function npmCommand() {
  const { npm_execpath: started, npm_node_execpath: node } = process.env
  if (isNpm(started)) return [node ?? process.execPath, started]
  const folder = path.dirname(process.execPath)
  const beside = ['../lib/node_modules', '../share/nodejs', 'node_modules'].map((each) =>
    path.join(folder, each, 'npm', 'bin', 'npm-cli.js'),
  )
  const own = beside.find(isNpm)
  return own === undefined ? ['npm'] : [process.execPath, own]
}

function isNpm(file) {
  return file !== undefined && /npm-cli\.[cm]?js$/.test(file) && fs.existsSync(file)
}

/** Runs npm, silently; throws what it said when it fails. */
export async function npm(parameters, cwd) {
  const [command, ...first] = npmCommand()
  const env = { ...process.env }
  for (const name of Object.keys(env)) {
    if (outerSetting.test(name)) delete env[name]
  }
  const child = spawn(command, [...first, ...parameters], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: command === 'npm' && process.platform === 'win32',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text) => {
      output += text
    })
  }
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (code !== 0) throw Object.assign(new Error(output.trim()), { exitCode: code })
}
