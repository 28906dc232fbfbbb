/**
 * `npm test [-- PART…]`: checks types, builds the console, and runs every test; with arguments only the test
 * files whose path contains one of them, and nothing else.
 *
 * Under `CI=true` a test that is skipped because something is not installed has failed. The last line is
 * `N passed, N failed`; types, types of the page and the page count as one each.
 */
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { formatDuration } from '../../src/core/duration.ts'
import { buildConsole } from '../console.ts'
import { filesUnder, root, runTool, type ToolResult, tools } from '../repository.ts'
import { fileText, skipsText } from '../test/report.ts'
import { runAll } from '../test/run-all.ts'

const FILE_TIMEOUT_MS = 300_000

const count = { passed: 0, failed: 0 }

function takeTool(name: string, result: ToolResult): void {
  if (result.code === 0) count.passed++
  else count.failed++
  const mark = result.code === 0 ? '✓' : '✗'
  process.stdout.write(`${mark} ${name.padEnd(58)} ${formatDuration(result.ms).padStart(7)}\n`)
  if (result.code !== 0) process.stdout.write(`${result.output.trimEnd()}\n`)
}

function testFiles(parts: readonly string[]): readonly string[] {
  const wanted = (file: string): boolean =>
    file.endsWith('.test.ts') && (parts.length === 0 || parts.some((part) => file.includes(part)))
  return ['src', 'test', 'examples'].flatMap((folder) => filesUnder(folder, wanted))
}

const startMs = performance.now()
const parts = process.argv.slice(2)
const files = testFiles(parts)
if (files.length === 0) {
  count.failed++
  process.stdout.write(`no test file contains "${parts.join('" or "')}" in its path\n`)
}
if (parts.length === 0) {
  takeTool('types', await runTool(tools.tsc, ['-p', 'tsconfig.json']))
  takeTool('types of the page', await runTool(tools.tsc, ['-p', 'console/tsconfig.json']))
  const built = await buildConsole()
  if (built !== undefined) takeTool('console', built)
}
const results = await runAll(
  files.map((file) => path.join(root, file)),
  {
    timeoutMs: FILE_TIMEOUT_MS,
    strict: process.env['CI'] === 'true',
    concurrency: availableParallelism(),
    timesFile: path.join(root, '.cache', 'test-times.json'),
    onResult: (result) => void process.stdout.write(fileText(path.relative(root, result.file), result)),
  },
)
for (const { passed, failures } of results) {
  count.passed += passed
  count.failed += failures.length
}
process.stdout.write(skipsText(results))
process.stdout.write(`${results.length} files in ${formatDuration(performance.now() - startMs)}\n`)
process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`)
process.exitCode = count.failed === 0 ? 0 : 1
