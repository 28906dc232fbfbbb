/**
 * Keeps node_modules what package-lock.json says. A mark in node_modules holds the hash of the lock file that
 * was installed; where it does not match, the packages themselves are compared (npm keeps a list of what it
 * installed), so that a plain `npm install` counts too, and only then `npm ci` runs.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { LaunchFailure } from './failure.mjs'
import { withLock } from './lock.mjs'
import { npm } from './npm.mjs'

export async function installDependencies(root) {
  if (isMarked(root)) return
  await withLock(root, 'install', async () => {
    // Another start may have installed while this one waited.
    if (isMarked(root)) return
    if (!hasAllPackages(root)) await install(root)
    fs.writeFileSync(markFile(root), lockHash(root))
  })
}

async function install(root) {
  const startMs = Date.now()
  process.stderr.write('Installing the packages of package-lock.json … ')
  try {
    await npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund'], root)
  } catch (error) {
    process.stderr.write('failed\n')
    throw new LaunchFailure(`npm ci failed\n\n${error.message}`)
  }
  process.stderr.write(`${((Date.now() - startMs) / 1000).toFixed(1)} s\n`)
}

function markFile(root) {
  return path.join(root, 'node_modules', '.millrace-lock')
}

/** Optional packages differ by platform, so a folder that is shared between machines is not taken as it is. */
function lockHash(root) {
  const hash = createHash('sha256').update(fs.readFileSync(path.join(root, 'package-lock.json')))
  return `${hash.digest('hex')} ${process.platform}-${process.arch}\n`
}

function isMarked(root) {
  try {
    return fs.readFileSync(markFile(root), 'utf8') === lockHash(root)
  } catch {
    return false
  }
}

function hasAllPackages(root) {
  const wanted = readPackages(path.join(root, 'package-lock.json'))
  const installed = readPackages(path.join(root, 'node_modules', '.package-lock.json'))
  if (wanted === undefined || installed === undefined) return false
  for (const [name, { version }] of Object.entries(installed)) {
    if (wanted[name]?.version !== version || !fs.existsSync(path.join(root, name, 'package.json')))
      return false
  }
  return Object.entries(wanted).every(
    ([name, entry]) => name === '' || name in installed || entry.optional || isForOtherMachine(entry),
  )
}

function isForOtherMachine(entry) {
  return (
    (entry.os && !entry.os.includes(process.platform)) || (entry.cpu && !entry.cpu.includes(process.arch))
  )
}

function readPackages(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}
