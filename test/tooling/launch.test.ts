/** Starting a task on a machine that has nothing but Node and npm. Real: it fetches from the npm registry. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { type Ended, ended, SmallRepository } from './small-repository.ts'

const runningMajor = process.versions.node.split('.')[0]!
/** A version that this is not, so that it has to be fetched. */
const fetchedMajor = runningMajor === '22' ? '24' : '22'
const FETCHING = /fetching Node \d+ into/g
const INSTALLING = /Installing the packages/g
const TIMEOUT_MS = 240_000

let repository: SmallRepository

before(() => {
  repository = new SmallRepository()
})
after(() => repository.remove())

/** The running Node's own major version, so that nothing has to be fetched. */
const running = { MILLRACE_NODE: runningMajor }

function lastLine({ output }: Ended): string {
  return output.trimEnd().split('\n').at(-1)!
}

function outOfReach(test: TestContext, ends: readonly Ended[]): boolean {
  const unreachable = ends.some(({ output }) => /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH/.test(output))
  if (unreachable) test.skip('not installed: the npm registry is out of reach')
  return unreachable
}

describe('a first start', { timeout: TIMEOUT_MS }, () => {
  it('fetches Node and the packages once, though two start at the same time, and runs under it', async (test) => {
    const env = { MILLRACE_NODE: fetchedMajor }
    const ends = await Promise.all([repository.run(['probe'], env), repository.run(['probe'], env)])
    if (outOfReach(test, ends)) return
    const output = ends.map((end) => end.output).join('')
    for (const end of ends) {
      assert.equal(end.code, 0, end.output)
      const told = JSON.parse(lastLine(end)) as { version: string; loaded: string }
      assert.equal(told.version.split('.')[0], `v${fetchedMajor}`)
      assert.equal(told.loaded, 'object')
    }
    assert.equal(output.match(FETCHING)?.length, 1, output)
    assert.equal(output.match(INSTALLING)?.length, 1, output)
    const left = fs
      .readdirSync(path.join(repository.folder, '.cache'))
      .filter((name) => /draft|lock/.test(name))
    assert.deepEqual(left, [])
  })
  it('says nothing the second time', async (test) => {
    const end = await repository.run(['probe', '0', 'a b'], { MILLRACE_NODE: fetchedMajor })
    if (outOfReach(test, [end])) return
    assert.equal(end.output.trimEnd().split('\n').length, 1, end.output)
    assert.deepEqual((JSON.parse(end.output) as { argv: string[] }).argv, ['0', 'a b'])
  })
})

describe('a start', { timeout: TIMEOUT_MS }, () => {
  it('installs again when the lock file or the packages have changed, and only then', async (test) => {
    const first = await repository.run(['probe'], running)
    if (outOfReach(test, [first])) return
    // A mark that is gone alone is made again without an install.
    fs.rmSync(path.join(repository.folder, 'node_modules', '.millrace-lock'))
    assert.doesNotMatch((await repository.run(['probe'], running)).output, INSTALLING)
    fs.rmSync(path.join(repository.folder, 'node_modules', 'snappyjs'), { recursive: true })
    fs.rmSync(path.join(repository.folder, 'node_modules', '.millrace-lock'))
    const end = await repository.run(['probe'], running)
    assert.match(end.output, /Installing the packages of package-lock.json … \d+\.\d s\n/)
    assert.equal(repository.exists('node_modules/snappyjs/package.json'), true)
  })
  it('shows what npm said when the install fails', async () => {
    const broken = new SmallRepository()
    broken.write('package-lock.json', '{ "lockfileVersion": 3, "packages": { "": {} } }')
    const end = await broken.run(['probe'], running)
    broken.remove()
    assert.equal(end.code, 2)
    assert.match(end.output, /error npm ci failed\n\n.*in sync/s)
  })
  it('ends with the status of its task', async () => {
    assert.equal((await repository.run(['probe', '7'], running)).code, 7)
  })
  it('refuses a task or a Node that it does not know', async () => {
    const unknown = await repository.run(['prob'], running)
    assert.deepEqual([unknown.code, unknown.output], [2, 'error no task "prob"\n  Tasks are: probe, wait\n'])
    const version = await repository.run(['probe'], { MILLRACE_NODE: '19' })
    assert.equal(version.code, 2)
    assert.match(version.output, /MILLRACE_NODE is "19"/)
  })
})

describe('signals', { timeout: TIMEOUT_MS }, () => {
  async function started(): Promise<{
    launcher: ReturnType<SmallRepository['start']>
    pid: number
    end: Promise<Ended>
  }> {
    const launcher = repository.start(['wait'], running)
    const end = ended(launcher)
    const ready = await Promise.race([
      new Promise<string>((resolve) => launcher.stdout!.once('data', resolve)),
      end.then(({ output }) => assert.fail(output)),
    ])
    return { launcher, pid: Number(/ready (\d+)/.exec(ready)?.[1]), end }
  }
  it('go on to the task, which ends in its own way', async () => {
    const { launcher, end } = await started()
    launcher.kill('SIGTERM')
    const { code, output } = await end
    assert.equal(code, 0)
    assert.match(output, /flushed/)
  })
  it('that end the task give 128 + their number', async () => {
    const { pid, end } = await started()
    process.kill(pid, 'SIGKILL')
    assert.equal((await end).code, 137)
    const interrupted = await started()
    interrupted.launcher.kill('SIGINT')
    assert.equal((await interrupted.end).code, 130)
  })
})
