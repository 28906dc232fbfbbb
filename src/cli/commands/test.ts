/** `millrace test`: runs the tests of a project, and says how much virtual time each has seen. */
import { MillraceError } from '../../core/errors.ts'
import { runTests, type TestResult, type TestState } from '../../testing/runner/run-tests.ts'
import type { CommandContext } from '../command.ts'
import { type OutputRow, styler } from '../output.ts'
import { countOf, padText, printable } from '../terminal/text.ts'
import { testFiles } from '../test-files.ts'

const NAME_WIDTH = 56
const marks: Readonly<Record<TestState, string>> = { passed: '✓', failed: '✗', skipped: '-', todo: '-' }
const colors: Readonly<Record<TestState, string>> = { passed: '32', failed: '31', skipped: '2', todo: '2' }

export async function run(context: CommandContext): Promise<void> {
  const { flags, output, platform, process: host, signal } = context
  const files = testFiles(platform.disk, host.cwd, context.arguments.many('file'))
  const name = namePattern(flags.text('name'))
  const rows: OutputRow[] = []
  const counts: Record<TestState, number> = { passed: 0, failed: 0, skipped: 0, todo: 0 }
  const startMs = platform.clock.monotonicMs()
  const { format } = output
  await runTests({
    cwd: host.cwd,
    files,
    ...(name === undefined ? {} : { name }),
    signal,
    onResult: (result) => {
      counts[result.state]++
      if (format === 'table') output.raw(linesOf(result, context))
      else if (format === 'jsonl') output.row(rowOf(result, host.cwd))
      else rows.push(rowOf(result, host.cwd))
    },
    onText: (text) => {
      if (flags.on('verbose')) output.note(text.trimEnd())
    },
  })
  if (signal.aborted) throw new MillraceError('MR_ABORTED', 'interrupted')
  const all = counts.passed + counts.failed + counts.skipped + counts.todo
  if (format === 'table') {
    const left = counts.skipped + counts.todo
    const ms = Math.round(platform.clock.monotonicMs() - startMs)
    const skipped = left === 0 ? '' : ` · ${left} skipped`
    output.raw(` ${counts.passed} passed · ${counts.failed} failed${skipped} · ${ms} ms\n`)
  } else if (format !== 'jsonl') output.rows(rows)
  if (counts.failed > 0) {
    throw new MillraceError('MR_TEST_FAILED', `${counts.failed} of ${countOf(all, 'test')} failed`, {
      hint: 'Run one alone: millrace test FILE --name "part of its name"; -v shows what tests write.',
    })
  }
  if (all === 0) {
    throw new MillraceError('MR_TEST_FAILED', 'no test ran', {
      where: countOf(files.length, 'file'),
      hint: 'A file has tests by `test` or `it` of node:test; --name takes those whose names match it.',
    })
  }
}

/** @throws MR_USAGE */
function namePattern(text: string | undefined): RegExp | undefined {
  if (text === undefined) return undefined
  try {
    return new RegExp(text)
  } catch (cause) {
    throw new MillraceError('MR_USAGE', 'the name is not a regular expression', {
      where: `--name ${text}`,
      cause,
    })
  }
}

function linesOf(result: TestResult, { process: host, terminal }: CommandContext): string {
  const { state, ms, virtualMs, message, where } = result
  const style = styler(terminal.out, colors[state])
  const dim = styler(terminal.out, '2')
  const virtual = virtualMs === 0 ? '' : ` (${virtualText(virtualMs)} of virtual time)`
  const skipped = state === 'skipped' || state === 'todo' ? ` ${state}` : ''
  const title = padText(printable(nameOf(result)), NAME_WIDTH, false)
  const file = dim(printable(relative(result.file, host.cwd)))
  const line = ` ${style(marks[state])} ${file}  ${title}  ${ms < 1 ? '<1' : Math.round(ms)} ms${virtual}${skipped}\n`
  if (message === undefined) return line
  const place = where === undefined ? [] : [`at ${relative(where, host.cwd)}`]
  return (
    line +
    [...message.split('\n'), ...place].map((one) => `     ${printable(one)}`.trimEnd()).join('\n') +
    '\n'
  )
}

function rowOf(result: TestResult, cwd: string): OutputRow {
  return {
    file: relative(result.file, cwd),
    name: nameOf(result),
    state: result.state,
    ms: Math.round(result.ms * 1000) / 1000,
    virtual_ms: result.virtualMs,
    error: result.message ?? null,
    where: result.where === undefined ? null : relative(result.where, cwd),
  }
}

const nameOf = ({ names }: TestResult): string =>
  names.length === 0 ? '(the file itself)' : names.join(' › ')

function virtualText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(1))} s`
}

function relative(path: string, cwd: string): string {
  return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path
}
