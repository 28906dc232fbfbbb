/** The command `millrace` and the CI script, as a shell runs them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { root } from '../../scripts/repository.ts'

const program = path.join(root, 'bin', 'millrace.mjs')

function millrace(...parameters: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...parameters], {
    encoding: 'utf8',
  })
  return { code: status, out: stdout, err: stderr }
}

describe('millrace', () => {
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string
  }

  it('tells its version without a warning', () => {
    assert.deepEqual(millrace('--version'), { code: 0, out: `${version}\n`, err: '' })
    const told = JSON.parse(millrace('version', '--json').out) as Record<string, string>
    assert.equal(told['millrace'], version)
    assert.equal(told['node'], process.versions.node)
  })
  it('refuses a command that it does not know with status 2', () => {
    const { code, err } = millrace('no-such-command')
    assert.equal(code, 2)
    assert.match(err, /^error .*no-such-command.*MR_USAGE\n$/s)
  })
  it('refuses an older Node in three lines and a code', () => {
    // The version is changed before the program looks at it: no old Node is needed to see what it says.
    const old = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.11.1'})"
    const { status, stderr } = spawnSync(process.execPath, ['--import', old, program, '--version'], {
      encoding: 'utf8',
    })
    assert.equal(status, 2)
    const lines = stderr.trimEnd().split('\n')
    assert.match(lines[0]!, /^error Millrace needs Node\.js 22\.18 or newer, and this is 20\.11\.1$/)
    assert.match(lines[1]!, /^ {2}at /)
    assert.match(lines[2]!, /^ {2}Install Node\.js 24/)
    assert.deepEqual(lines.slice(3), ['  MR_NODE_VERSION'])
  })
})

describe('npm start', () => {
  it('runs the configuration that is named first in place of the demo', () => {
    const task = path.join(root, 'scripts', 'tasks', 'start.ts')
    const start = ['--conditions=millrace-source', task, 'no-such.config.ts', '--port', '0']
    const { status, stderr } = spawnSync(process.execPath, start, { encoding: 'utf8' })
    assert.equal(status, 2)
    assert.match(stderr, /MR_CONFIG_NOT_FOUND/)
    assert.match(stderr, /no-such\.config\.ts/)
    assert.doesNotMatch(stderr, /flights/)
  })
})

describe('npm run sim and npm run bench', () => {
  function run(task: string, ...parameters: string[]): { code: number | null; out: string; err: string } {
    const file = path.join(root, 'scripts', 'tasks', `${task}.ts`)
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--conditions=millrace-source', file, ...parameters],
      { encoding: 'utf8' },
    )
    return { code: status, out: stdout, err: stderr }
  }
  it('say what a program does, and what is wrong with an option, without a stack', () => {
    for (const [task, name] of [
      ['sim', 'client-late-commits'],
      ['bench', 'types'],
    ] as const) {
      const help = run(task, name, '--help')
      assert.deepEqual([help.code, help.err], [0, ''])
      assert.match(help.out, new RegExp(`^\`npm run ${task} -- ${name}`))
      const wrong = run(task, name, '--no-such-option', '1')
      assert.equal(wrong.code, 2)
      assert.match(wrong.err, /^error .*--no-such-option/)
      assert.ok(wrong.err.endsWith(help.out))
    }
  })
  it('list what there is', () => {
    const { code, err } = run('sim', 'no-such-simulation')
    assert.equal(code, 2)
    assert.match(
      err,
      /^error no "no-such-simulation" in test\/simulation\/\n {2}npm run sim -- .*\|kafka-faults\|/,
    )
  })
})

describe('.ci/run', () => {
  /** Runs the script with an npm that prints and ends as told; from another folder, as CI may. */
  function run(npm: Readonly<Record<string, { prints?: string; status?: number }>>): {
    code: number | null
    out: string
  } {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-ci-'))
    fs.mkdirSync(path.join(folder, '.ci'))
    fs.copyFileSync(path.join(root, '.ci', 'run'), path.join(folder, '.ci', 'run'))
    const cases = Object.entries(npm).map(
      ([call, { prints = '', status = 0 }]) => `"${call}") printf '${prints}'; exit ${status};;`,
    )
    const script = `#!/bin/sh\n[ "$CI" = true ] || exit 9\ncase "$*" in\n${cases.join('\n')}\nesac\nexit 8\n`
    fs.writeFileSync(path.join(folder, 'npm'), script, { mode: 0o755 })
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
    const { status, stdout } = spawnSync('bash', [path.join(folder, '.ci', 'run')], {
      encoding: 'utf8',
      cwd: '/',
      env,
    })
    fs.rmSync(folder, { recursive: true })
    return { code: status, out: stdout.trimEnd().split('\n').at(-1)! }
  }
  const lint = 'run --silent lint'
  const docs = 'run --silent docs -- --check'
  const good = { test: { prints: '10 passed, 0 failed\\n' }, [lint]: {}, [docs]: {} }

  it('counts the tests, lint and the pages', () => {
    assert.deepEqual(run(good), { code: 0, out: '12 passed, 0 failed' })
  })
  it('fails when any of them does', () => {
    const failing = { prints: '10 passed, 2 failed\\n', status: 1 }
    assert.deepEqual(run({ ...good, test: failing }), { code: 1, out: '12 passed, 2 failed' })
    assert.deepEqual(run({ ...good, [lint]: { status: 1 } }), { code: 1, out: '11 passed, 1 failed' })
    assert.deepEqual(run({ ...good, [docs]: { status: 1 } }), { code: 1, out: '11 passed, 1 failed' })
  })
  it('fails when the tests end without a count, or badly with a good one', () => {
    assert.deepEqual(run({ ...good, test: { prints: 'crashed\\n', status: 1 } }), {
      code: 1,
      out: '2 passed, 1 failed',
    })
    assert.deepEqual(run({ ...good, test: { ...good.test, status: 1 } }), {
      code: 1,
      out: '12 passed, 1 failed',
    })
  })
})
