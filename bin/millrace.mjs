#!/usr/bin/env node
/**
 * The command `millrace`: refuses a Node that is too old, then runs the command line. In a checkout that is
 * the TypeScript source as it is, in the published package the built files.
 *
 * This file must be readable by every Node that knows ES modules: no syntax newer than 2020.
 */
import fs from 'node:fs'
import module from 'node:module'

const OLDEST = [22, 18]
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(
    'error Millrace needs Node.js ' +
      OLDEST.join('.') +
      ' or newer, and this is ' +
      process.versions.node +
      '\n' +
      '  at ' +
      process.execPath +
      '\n' +
      '  Install Node.js 24: https://nodejs.org, or your version manager (`nvm install 24`).\n' +
      '  MR_NODE_VERSION\n',
  )
  process.exitCode = 2
} else {
  hideTypeStrippingWarnings()
  // Node keeps compiled code (and source without its types) in the system's directory for temporary files.
  if (process.env.NODE_DISABLE_COMPILE_CACHE === undefined) module.enableCompileCache()
  const source = new URL('../src/cli/main.ts', import.meta.url)
  const built = new URL('../dist/src/cli/main.js', import.meta.url)
  void import(fs.existsSync(source) ? source.href : built.href).then((cli) => cli.main())
}

/** Leaving out types is no experiment for Millrace: some versions of Node warn of it once per process. */
function hideTypeStrippingWarnings() {
  const emitWarning = process.emitWarning
  process.emitWarning = (warning, ...rest) => {
    const text = String(warning?.message ?? warning)
    if (!/type stripping|stripTypeScriptTypes/i.test(text)) emitWarning.call(process, warning, ...rest)
  }
}
