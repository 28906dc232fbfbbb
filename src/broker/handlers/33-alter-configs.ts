/**
 * AlterConfigs: v0–v2
 *
 * Behaviour: replaces all settings of a resource by those in the request; those left out go back to their default.
 */
import { alterConfigs } from '../../protocol/apis/alter-configs.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { changeConfigs } from '../config/config-resources.ts'
import { defineHandler } from './handler.ts'

export const handler = defineHandler({
  api: alterConfigs,
  handle(broker, context, request) {
    const responses = request.resources.map(({ resourceType, resourceName, configs }) => {
      const resource = { type: resourceType, name: resourceName }
      const fault = changeConfigs(broker, context, resource, {
        validateOnly: request.validateOnly,
        edit: () => {
          const next = new Map<string, string>()
          for (const { name, value } of configs) {
            if (value === null) return { code: ErrorCodes.INVALID_REQUEST, message: `"${name}" has no value` }
            next.set(name, value)
          }
          return next
        },
      })
      return { errorCode: fault.code, errorMessage: fault.message, resourceType, resourceName }
    })
    return { responses }
  },
})
