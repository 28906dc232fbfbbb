import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nearestName } from '../core/did-you-mean.ts'
import { isMillraceError, MillraceError } from '../core/errors.ts'
import { defineSink, defineSource, documentOptions, option, PartialWriteError } from './index.ts'
import { checkOptions, parseOptions } from './options/index.ts'

const specs = {
  directory: option.path({ required: true, summary: 'Where.' }),
  pollDelay: option.duration({ default: '500ms', min: 1, max: 60_000, summary: 'How often.' }),
  batchSize: option.number({ default: 100, min: 1, max: 10_000, summary: 'How many.' }),
  limit: option.size({ summary: 'How large.' }),
  order: option.choice(['oldest', 'youngest', 'name'], { default: 'name', summary: 'Which first.' }),
  include: option.pattern({ default: '.*', summary: 'Which.' }),
  recursive: option.boolean({ default: false, summary: 'Below too.' }),
  nulls: option.list(option.text({ summary: 'A text.', empty: true }), {
    default: [],
    summary: 'Null texts.',
  }),
  format: option.variant(
    {
      line: {
        summary: 'Lines.',
        options: { lengthMax: option.number({ default: 2048, summary: 'Longest.' }) },
      },
      csv: { summary: 'Rows.', options: { header: option.boolean({ required: true, summary: 'Names.' }) } },
    },
    { default: { type: 'line' }, summary: 'How read.' },
  ),
}

const spool = defineSource({
  name: 'spool',
  summary: 'A test.',
  options: specs,
  open: async ({ options }) => ({
    read: async () => ({ events: [], unit: options.directory, position: options.pollDelay }),
    close: async () => {},
  }),
})

function refusal(run: () => unknown): MillraceError {
  try {
    run()
  } catch (error) {
    assert.ok(isMillraceError(error, 'MR_OPTION_INVALID'), String(error))
    return error
  }
  assert.fail('nothing was refused')
}

test('options take their defaults, and durations and sizes become numbers', () => {
  const values = parseOptions('x', specs, { directory: '/in', limit: '2KiB' })
  assert.equal(values.pollDelay, 500)
  assert.equal(values.batchSize, 100)
  assert.equal(values.limit, 2048)
  assert.equal(values.include.source, '.*')
  assert.deepEqual(values.format, { type: 'line', lengthMax: 2048 })
  const other: number | undefined = values.limit
  assert.equal(other, 2048)
  assert.equal(parseOptions('x', specs, { directory: '/in', batchSize: undefined }).batchSize, 100)
})

test('a configured connector is inert and holds what was checked', async () => {
  const configured = spool({ directory: '/in', format: { type: 'csv', header: true } })
  assert.equal(configured.connector, 'spool')
  assert.equal(configured.replayable, false)
  assert.deepEqual(configured.options['format'], { type: 'csv', header: true })
  assert.equal(spool.definition.options.directory.presence, 'required')
})

test('types of options are inferred', () => {
  // @ts-expect-error directory is required
  refusal(() => spool({}))
  // @ts-expect-error there is no such option
  refusal(() => spool({ directory: '/in', driectory: '/in' }))
  // @ts-expect-error not one of the choices
  refusal(() => spool({ directory: '/in', order: 'random' }))
  // @ts-expect-error csv needs header
  refusal(() => spool({ directory: '/in', format: { type: 'csv' } }))
  // @ts-expect-error not a duration
  refusal(() => spool({ directory: '/in', pollDelay: '5 parsecs' }))
})

test('a wrong name or value is named, with what was probably meant', () => {
  const wrong = (input: object): MillraceError =>
    refusal(() => parseOptions('source "spool"', specs, { directory: '/in', ...input }))
  assert.equal(wrong({ polDelay: 5 }).message, 'source "spool": there is no option "polDelay"')
  assert.equal(wrong({ polDelay: 5 }).hint, 'Did you mean "pollDelay"?')
  assert.match(wrong({ zzz: 5 }).hint ?? '', /^Legal: directory, pollDelay/)
  assert.equal(wrong({ order: 'olddest' }).hint, 'Did you mean "oldest"?')
  assert.equal(wrong({ format: { type: 'cvs' } }).hint, 'Did you mean "csv"?')
  assert.equal(wrong({ format: { type: 'csv', headr: true, header: true } }).hint, 'Did you mean "header"?')
  assert.match(wrong({ batchSize: 0 }).message, /"batchSize" must be a whole number from 1 to 10000, got 0/)
  assert.match(wrong({ pollDelay: '61s' }).message, /from 1ms to 60000ms, got "61s"/)
  assert.match(wrong({ include: '(' }).message, /a regular expression/)
  assert.match(wrong({ nulls: ['NA', 5] }).message, /"nulls\[1\]" must be a text, got 5/)
  assert.match(wrong({ nulls: 'NA' }).message, /must be a list/)
  assert.match(refusal(() => parseOptions('x', specs, {})).message, /"directory" is missing/)
  assert.match(refusal(() => parseOptions('x', specs, null)).message, /must be an object, got null/)
  assert.match(
    refusal(() => parseOptions('x', specs, { directory: 'a\0b' })).message,
    /"directory" must be a path/,
  )
})

test('all faults are given at once, each with its path', () => {
  const { faults } = checkOptions(specs, {
    batchSize: 'x',
    format: { type: 'csv', header: 1 },
    __proto__x: 1,
  })
  assert.deepEqual(
    faults?.map((fault) => fault.path),
    ['__proto__x', 'directory', 'batchSize', 'format.header'],
  )
})

test('names from Object.prototype are neither options nor values', () => {
  const hostile = JSON.parse('{"directory":"/in","__proto__":{"batchSize":7},"constructor":1}') as object
  assert.match(
    refusal(() => parseOptions('x', specs, hostile)).message,
    /no option "__proto__".*"constructor"/,
  )
  const inherited = Object.create({ batchSize: 7 }) as Record<string, unknown>
  inherited['directory'] = '/in'
  assert.equal(parseOptions('x', specs, inherited).batchSize, 100)
  assert.match(
    refusal(() => parseOptions('x', specs, { directory: '/', format: { type: 'constructor' } })).message,
    /must have a type of line, csv/,
  )
})

test('options are documented as data', () => {
  const documents = documentOptions(specs)
  assert.deepEqual(
    documents.map((document) => document.name),
    Object.keys(specs),
  )
  assert.deepEqual(JSON.parse(JSON.stringify(documents)), documents)
  assert.deepEqual(documents[0], {
    name: 'directory',
    kind: 'path',
    required: true,
    default: null,
    legal: 'a path',
    summary: 'Where.',
    choices: [],
    variants: [],
  })
  assert.equal(documents.at(-1)?.variants[1]?.options[0]?.name, 'header')
})

test('an option cannot be required and have a default', () => {
  refusal(() => option.number({ required: true, default: 5, summary: '' }))
})

test('the nearest name is within a third of the letters', () => {
  assert.equal(nearestName('topc', ['topic', 'header']), 'topic')
  assert.equal(nearestName('OLDEST', ['oldest']), 'oldest')
  assert.equal(nearestName('ab', ['xy']), undefined)
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 20 }), (name) => {
      assert.equal(nearestName(name, [name]), name)
    }),
  )
})

test('options that do not go together are refused when the connector is configured', () => {
  const sink = defineSink({
    name: 's',
    summary: '',
    delivery: 'idempotent',
    options: { a: option.boolean({ default: false, summary: '' }) },
    check(options) {
      if (options.a) throw new MillraceError('MR_OPTION_INVALID', 'no')
    },
    open: async () => assert.fail('not opened'),
  })
  assert.equal(sink({}).delivery, 'idempotent')
  refusal(() => sink({ a: true }))
})

test('a partial failure names its records and is retriable when one of them is', () => {
  const refused = new MillraceError('MR_RECORD_INVALID', 'no')
  const later = new MillraceError('MR_TIMEOUT', 'later')
  const error = new PartialWriteError([
    { index: 1, error: refused },
    { index: 4, error: later },
  ])
  assert.ok(isMillraceError(error, 'MR_SINK_FAILED'))
  assert.equal(error.retriable, true)
  assert.equal(new PartialWriteError([{ index: 1, error: refused }]).retriable, false)
})
