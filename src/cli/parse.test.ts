/** From command lines to commands. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { globalFlags } from './command.ts'
import { commands } from './commands.ts'
import { type ParsedCommand, parseCommandLine } from './parse.ts'

function parsed(line: string): ParsedCommand {
  const result = parseCommandLine(line.split(' '))
  assert.ok('spec' in result, 'a command, not its help')
  return result
}
function help(line: string, columns?: number): string {
  const result = parseCommandLine(line === '' ? [] : line.split(' '), columns)
  assert.ok('help' in result, 'help')
  return result.help
}

describe('a command', () => {
  test('is found behind flags that every command takes', () => {
    assert.equal(parsed('topics list').spec.name, 'topics list')
    assert.equal(parsed('-v --brokers x:1 --yes topics list').spec.name, 'topics list')
    assert.equal(parsed('--brokers=x:1 topics list').flags.text('brokers'), 'x:1')
    assert.equal(parsed('--data topics topics describe topics').arguments.one('topic'), 'topics')
  })

  test('may be named as its arguments are', () => {
    const { spec, arguments: given } = parsed('consume consume topics list')
    assert.deepEqual([spec.name, given.many('topic')], ['consume', ['consume', 'topics', 'list']])
    assert.equal(parsed('produce -k produce produce').flags.text('key'), 'produce')
  })

  test('takes values that look like flags', () => {
    const { flags } = parsed('consume t -o -3 -p 0 -p 1 --no-color')
    assert.equal(flags.text('offset'), '-3')
    assert.deepEqual(flags.texts('partition'), ['0', '1'])
    assert.equal(flags.on('no-color'), true)
    assert.equal(flags.on('no-progress'), false)
    assert.equal(flags.durationMs('timeout'), 30_000)
  })

  for (const line of [
    'consume',
    'consume t --nope',
    'topics list x',
    'tpics list',
    'topics',
    'consume t -n',
  ]) {
    test(`\`millrace ${line}\` is wrong usage with a hint`, () => {
      assert.throws(
        () => parsed(line),
        (error: { code?: string; hint?: string; message?: string }) => {
          assert.equal(error.code, 'MR_USAGE')
          assert.ok(error.hint)
          assert.doesNotMatch(error.message ?? '', /\n/)
          return true
        },
      )
    })
  }
})

describe('help', () => {
  test('of everything names every command, of a group its own', () => {
    const longest = Math.max(...commands.map(({ name }) => name.length))
    for (const { name, summary } of commands)
      assert.ok(help('').includes(`${name.padEnd(longest)}  ${summary}`), name)
    assert.match(help('topics --help'), /^Usage: millrace topics <command>/)
    assert.doesNotMatch(help('topics -h'), /consume/)
    assert.equal(help('--help'), help(''))
    assert.equal(help('help'), help(''))
  })

  test('of a command has its flags, those of every command, and its examples', () => {
    const text = help('topics create --help')
    assert.match(text, /^Usage: millrace topics create <topic\.\.\.> \[flags\]\n/)
    assert.match(text, /^Flags:\n {2}-p, --partitions <N> +partitions of each \(default: 1\)$/m)
    assert.match(text, /^Flags of every command:$/m)
    assert.match(text, /^Examples:\n {2}millrace topics create orders --partitions 4 {2}four partitions$/m)
    assert.equal(help('help topics create'), text)
    assert.equal(help('topics create -h'), text)
  })

  test('is laid out for the terminal', () => {
    const width = (text: string): number =>
      Math.max(
        ...text
          .split('\nExamples')[0]!
          .split('\n')
          .map((line) => line.length),
      )
    assert.ok(width(help('run --help', 60)) <= 60)
    assert.ok(width(help('run --help', 200)) > 90)
  })

  test('as JSON describes all commands', () => {
    const described = JSON.parse(help('help --json'))
    assert.deepEqual(
      described.commands.map(({ name }: { name: string }) => name),
      commands.map(({ name }) => name),
    )
    assert.equal(described.globalFlags.length, globalFlags.length)
  })
})

describe('the table', () => {
  test('has no flag or letter twice in a command', () => {
    for (const { name, flags = [] } of commands) {
      const own = new Set(flags.map((flag) => flag.name))
      const all = [...flags, ...globalFlags.filter((flag) => !own.has(flag.name))]
      const letters = all.flatMap(({ short }) => short ?? [])
      assert.equal(own.size, flags.length, name)
      assert.equal(new Set(letters).size, letters.length, name)
    }
  })

  test('has examples that parse', () => {
    for (const { examples = [] } of commands) {
      for (const [line] of examples) {
        const words = (/millrace (.*)$/.exec(line)?.[1] ?? '').match(/'[^']*'|\S+/g) ?? []
        assert.ok('spec' in parseCommandLine(words), line)
      }
    }
  })
})
