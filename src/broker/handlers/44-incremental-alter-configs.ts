/**
 * IncrementalAlterConfigs: v0–v1
 *
 * Behaviour: sets or takes away single settings, appends to lists or subtracts from them (KIP-339). All changes of
 * a resource are made, or none.
 */
import { invalidSetting } from '../../log/config-setting.ts'
import { formatLogSetting, isLogSetting, logSettings } from '../../log/log-config.ts'
import { incrementalAlterConfigs } from '../../protocol/apis/incremental-alter-configs.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestOf } from '../../protocol/schema/message.ts'
import { changeConfigs } from '../config/config-resources.ts'
import { topicSettingOf } from '../config/topic-defaults.ts'
import { brokerFault, type TopicFault } from '../topics/topic-fault.ts'
import type { Topics } from '../topics/topics.ts'
import { defineHandler } from './handler.ts'

type Change = RequestOf<typeof incrementalAlterConfigs>['resources'][number]['configs'][number]

const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

const wordsOf = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')

/** The value of a list that a change starts from. */
function presentList(name: string, present: ReadonlyMap<string, string>, topics: Topics): string {
  const setting = isLogSetting(name) ? name : topicSettingOf(name)
  const type = logSettings.find((known) => known.name === setting)?.type
  if (setting === undefined || type !== 'list') throw invalidSetting(name, '', 'it is not a list')
  return present.get(name) ?? formatLogSetting(setting, topics.defaults[setting])
}

function change(next: Map<string, string>, { name, configOperation, value }: Change, topics: Topics): void {
  if (configOperation === DELETE) {
    next.delete(name)
    return
  }
  if (value === null) throw invalidSetting(name, '', 'it has no value')
  if (configOperation === SET) {
    next.set(name, value)
    return
  }
  const words = wordsOf(presentList(name, next, topics))
  const changed = wordsOf(value)
  if (configOperation === APPEND) next.set(name, [...new Set([...words, ...changed])].join(','))
  else if (configOperation === SUBTRACT)
    next.set(name, words.filter((word) => !changed.includes(word)).join(','))
  else throw invalidSetting(name, String(configOperation), 'there is no such operation')
}

function edit(
  present: ReadonlyMap<string, string>,
  changes: readonly Change[],
  topics: Topics,
): ReadonlyMap<string, string> | TopicFault {
  const names = changes.map(({ name }) => name)
  if (new Set(names).size < names.length) {
    return { code: ErrorCodes.INVALID_REQUEST, message: 'a setting is in the request twice' }
  }
  const next = new Map(present)
  try {
    for (const one of changes) change(next, one, topics)
    return next
  } catch (error) {
    return brokerFault(error)
  }
}

export const handler = defineHandler({
  api: incrementalAlterConfigs,
  handle(broker, context, request) {
    const { validateOnly } = request
    const responses = request.resources.map(({ resourceType, resourceName, configs }) => {
      const resource = { type: resourceType, name: resourceName }
      const fault = changeConfigs(broker, context, resource, {
        validateOnly,
        edit: (present) => edit(present, configs, broker.topics),
      })
      return { errorCode: fault.code, errorMessage: fault.message, resourceType, resourceName }
    })
    return { responses }
  },
})
