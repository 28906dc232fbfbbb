/** `millrace topics alter` and `purge` against a broker. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Outcome, onTerminal, type RunOptions, run, startCluster, type TestCluster } from './millrace.ts'

let cluster: TestCluster
before(async () => {
  cluster = await startCluster()
})
after(() => cluster.close())

const topics = (argv: string, options: RunOptions = {}): Promise<Outcome> =>
  run(['topics', ...argv.split(' ')], { ...options, env: { ...cluster.env, ...options.env } })
const ok = (out: string, err = ''): Outcome => ({ status: 0, out, err })

interface Described {
  readonly partitions: readonly { readonly start_offset: number; readonly end_offset: number }[]
  readonly settings: Readonly<Record<string, string>>
}
const described = async (topic: string): Promise<Described> =>
  JSON.parse((await topics(`describe ${topic} --json`)).out)[0]

describe('alter', () => {
  test('sets settings, and takes them back to the default', async () => {
    await topics('create set --set retention.ms=1000 --set segment.bytes=2000000')
    const outcome = await topics('alter set --set retention.ms=60000 --set max.message.bytes=5000')
    assert.deepEqual(
      outcome,
      ok(
        '{"topic":"set","setting":"retention.ms","before":"1000","after":"60000"}\n' +
          '{"topic":"set","setting":"max.message.bytes","before":"1048588","after":"5000"}\n',
      ),
    )
    const { settings } = await described('set')
    assert.deepEqual(
      [settings['retention.ms'], settings['max.message.bytes'], settings['segment.bytes']],
      ['60000', '5000', '2000000'],
    )
    assert.deepEqual(
      await topics('alter set --unset retention.ms --set segment.bytes=3000000', { terminal: onTerminal }),
      ok(
        'topic  setting        before   after\n' +
          'set    segment.bytes  2000000  3000000\n' +
          'set    retention.ms   60000    the default\n',
      ),
    )
    const after = await described('set')
    assert.deepEqual(
      [after.settings['retention.ms'], after.settings['segment.bytes']],
      ['604800000', '3000000'],
    )
  })

  test('gives more partitions, never fewer', async () => {
    await cluster.createTopic('wide', 2)
    await cluster.produce({ topic: 'wide', partition: 1, value: 'x' })
    assert.deepEqual(
      await topics('alter wide --partitions 5'),
      ok(
        '{"topic":"wide","setting":"partitions","before":"2","after":"5"}\n',
        'records of a key may go to another partition than before\n',
      ),
    )
    assert.deepEqual(
      (await described('wide')).partitions.map((one) => one.end_offset),
      [0, 1, 0, 0, 0],
    )
    const same = await topics('alter wide --partitions 5')
    assert.deepEqual([same.status, same.err], [0, ''])
    const fewer = await topics('alter wide --partitions 4 --set retention.ms=5')
    assert.equal(fewer.status, 2)
    assert.match(fewer.err, /topic "wide" has 5 partitions, not fewer\n {2}Partitions can only become more/)
    assert.equal((await described('wide')).settings['retention.ms'], '604800000')
  })

  test('with --dry-run has the broker check it, and changes nothing', async () => {
    await cluster.createTopic('tried')
    const { settings } = await described('tried')
    assert.deepEqual(
      await topics('alter tried --set retention.ms=7 --partitions 3 --dry-run'),
      ok(
        '{"topic":"tried","setting":"retention.ms","before":"604800000","after":"7"}\n' +
          '{"topic":"tried","setting":"partitions","before":"1","after":"3"}\n',
        'only checked; nothing was changed\n',
      ),
    )
    assert.equal((await topics('alter tried --set retention.ms=soon --dry-run')).status, 2)
    const now = await described('tried')
    assert.deepEqual([now.settings, now.partitions.length], [settings, 1])
  })

  test('an illegal value is refused by the broker before anything is changed', async () => {
    await cluster.createTopic('whole')
    const { status, err } = await topics('alter whole --set retention.ms=soon --partitions 2')
    assert.equal(status, 2)
    assert.match(err, /retention\.ms/)
    assert.match(err, /MR_KAFKA\n$/)
    assert.equal((await described('whole')).partitions.length, 1)
  })

  test('names the setting or topic that was probably meant', async () => {
    await cluster.createTopic('invoices')
    for (const argv of ['--set retention.m=5', '--unset retention.m', '--unset retention.m --dry-run']) {
      const { status, out, err } = await topics(`alter invoices ${argv}`)
      assert.deepEqual([status, out], [2, ''], argv)
      assert.equal(
        err,
        'error topics have no setting "retention.m"\n  Did you mean "retention.ms"?\n  MR_USAGE\n',
      )
    }
    const { status, err } = await topics('alter invoice --partitions 2')
    assert.equal(status, 3)
    assert.match(err, /Did you mean "invoices"\?/)
  })

  for (const argv of [
    'alter t',
    'alter t --set retention.ms',
    'alter t --set a=1 --unset a',
    'alter t --set a=1 --set a=2',
    'alter t --partitions 0',
    'alter',
    'purge t --before 10:20',
    'purge t --before sometime --yes',
    'purge t --partition x --yes',
    'purge t',
  ]) {
    test(`\`topics ${argv}\` is wrong usage, told before a broker is asked`, async () => {
      const { status, err } = await topics(argv, { env: { MILLRACE_BROKERS: '127.0.0.1:1' } })
      assert.equal(status, 2)
      assert.match(err, /MR_USAGE\n$/)
    })
  }
})

describe('purge', () => {
  /** Records of partition n have the times 1000, 2000, … */
  async function makeTopic(topic: string, ...counts: readonly number[]): Promise<void> {
    await cluster.createTopic(topic, counts.length)
    for (const [partition, count] of counts.entries()) {
      for (let n = 1; n <= count; n++) {
        await cluster.produce({ topic, partition, value: `${n}`, timestampMs: n * 1000 })
      }
    }
  }
  const starts = async (topic: string): Promise<readonly number[]> =>
    (await described(topic)).partitions.map((one) => one.start_offset)

  test('deletes the records before an offset or a time, of all partitions or some', async () => {
    await makeTopic('aged', 5, 3)
    assert.deepEqual(
      await topics('purge aged --before 1 -p 1 --yes'),
      ok('{"topic":"aged","partition":1,"start_offset":1,"deleted":1}\n'),
    )
    assert.deepEqual(await starts('aged'), [0, 1])
    assert.deepEqual(
      await topics('purge aged --before @3000 --yes'),
      ok(
        '{"topic":"aged","partition":0,"start_offset":2,"deleted":2}\n' +
          '{"topic":"aged","partition":1,"start_offset":2,"deleted":1}\n',
      ),
    )
    assert.deepEqual(await starts('aged'), [2, 2])
    const { out } = await run(['consume', 'aged', '-f', '%p:%v '], { env: cluster.env })
    assert.deepEqual(out.trim().split(' ').sort(), ['0:3', '0:4', '0:5', '1:3'])
    // What is gone already is not counted again.
    assert.match((await topics('purge aged --before 1 --yes')).out, /"start_offset":2,"deleted":0/)
  })

  test('without a position empties the topic, once its name was typed', async () => {
    await makeTopic('full', 3, 0)
    const typed = (input: string): Promise<Outcome> =>
      topics('purge full', { terminal: onTerminal, typing: true, input })
    const wrong = await typed('ful\n')
    assert.equal(wrong.status, 1)
    assert.match(wrong.err, /^delete 3 records of topic "full"\? Type full to confirm: error not confirmed/)
    assert.deepEqual(await starts('full'), [0, 0])
    assert.deepEqual(
      await typed('full\n'),
      ok(
        'topic  partition  start_offset  deleted\n' +
          'full           0             3        3\n' +
          'full           1             0        0\n',
        'delete 3 records of topic "full"? Type full to confirm: ',
      ),
    )
    assert.deepEqual(await starts('full'), [3, 0])
    // With nothing to delete there is nothing to ask.
    assert.equal((await typed('')).status, 0)
  })

  test('is refused where nobody can confirm it, and with --dry-run only counted', async () => {
    await makeTopic('spared', 2)
    const piped = await topics('purge spared', { input: 'spared\n' })
    assert.equal(piped.status, 2)
    assert.match(piped.err, /the input is not a terminal/)
    assert.deepEqual(
      await topics('purge spared --dry-run'),
      ok('{"topic":"spared","partition":0,"start_offset":2,"deleted":2}\n', 'nothing was deleted\n'),
    )
    assert.deepEqual(await starts('spared'), [0])
  })

  test('of a topic that is only compacted is refused, and works once its policy allows it', async () => {
    await topics('create keyed --set cleanup.policy=compact')
    await cluster.produce({ topic: 'keyed', key: 'k', value: 'v' })
    const { status, err } = await topics('purge keyed --dry-run')
    assert.equal(status, 2)
    assert.match(err, /keeps the last record of every key\n {2}at cleanup\.policy=compact\n/)
    const [, advised = ''] = /`millrace topics (.+?)`/.exec(err) ?? []
    assert.equal((await topics(advised)).status, 0)
    assert.match((await topics('purge keyed --yes')).out, /"deleted":1/)
  })

  test('names the topic that was meant, and a partition that is not there', async () => {
    await makeTopic('parcels', 1)
    const unknown = await topics('purge parcel --yes')
    assert.equal(unknown.status, 3)
    assert.match(unknown.err, /Did you mean "parcels"\?/)
    const partition = await topics('purge parcels -p 1 --yes')
    assert.equal(partition.status, 2)
    assert.match(partition.err, /has no partition 1/)
    assert.deepEqual(await starts('parcels'), [0])
  })
})
