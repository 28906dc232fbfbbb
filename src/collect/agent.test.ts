import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { agent } from './agent.ts'
import { topicChannel } from './channel.ts'
import { nextRunnerState, runnerEvents, runnerStates, runnerTable } from './runner-state.ts'
import { TestOutside, testSource } from './testdata.ts'

const source = testSource(new TestOutside())
const channels = [topicChannel('t')]

test('an agent is a description with all defaults filled in', () => {
  const description = agent('a', { source, channels })
  assert.deepEqual(
    { ...description, source: undefined },
    {
      kind: 'agent',
      name: 'a',
      source: undefined,
      interceptors: [],
      selector: { kind: 'topic', withoutTopic: 'all' },
      channels: [{ kind: 'topic-channel', topic: 't' }],
      replay: undefined,
      deadLetters: 'a-dead-letters',
      onInvalid: 'dead-letter',
      commitIntervalMs: 100,
      transactionBytesMax: 16 * 2 ** 20,
      recordBytesMax: 1_000_000,
      compression: 'none',
      retryTimeoutMs: 900_000,
    },
  )
  assert.deepEqual(agent('a', { source, channels, replay: { speed: 8640 } }).replay, {
    speed: 8640,
    bytesMax: 2 ** 30,
  })
})

test('what cannot work is refused when it is described', () => {
  const refused = (name: string, options: object, code = 'MR_OPTION_INVALID'): void => {
    assert.throws(
      () => agent(name, { source, channels, ...options }),
      (error) => isMillraceError(error) && error.code === code,
      JSON.stringify(options),
    )
  }
  refused('a b', {})
  refused('', {})
  refused('a', { channels: [] })
  refused('a', { channels: [topicChannel('t'), topicChannel('t')] })
  refused('a', { deadLetters: 't' })
  refused('a', { deadLetters: 't/x' }, 'MR_TOPIC_NAME_INVALID')
  refused('a', { replay: { speed: -1 } })
  refused('a', { replay: { speed: Number.NaN } })
  refused('a', { replay: { speed: 1 }, source: { ...source, replayable: false } })
  refused('a', { commitInterval: '31s' })
  refused('a', { commitInterval: 'soon' }, 'MR_DURATION_INVALID')
  assert.throws(
    () => topicChannel('a/b'),
    (error) => isMillraceError(error, 'MR_TOPIC_NAME_INVALID'),
  )
})

test('the table of states is total, and nothing leaves an end', () => {
  for (const state of runnerStates) {
    for (const event of runnerEvents) {
      const next = runnerTable[state][event]
      if (next === 'illegal') {
        assert.throws(
          () => nextRunnerState(state, event),
          (error) => isMillraceError(error, 'MR_INVARIANT'),
        )
      } else assert.equal(nextRunnerState(state, event), next)
      if (state === 'stopped' || state === 'failed') assert.equal(next, state)
    }
  }
})
