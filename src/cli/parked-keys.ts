/** Parked keys as commands show them and are told of them. */
import type { PipelineParkedKey } from '../runtime/parked/parked-directory.ts'
import { PARKED_MAX } from '../runtime/parked/pipeline-parked.ts'
import type { CommandContext } from './command.ts'
import { askConsole } from './console-api.ts'

export interface ListedKeys {
  readonly total: number
  readonly keys: readonly PipelineParkedKey[]
}

/** @throws what `askConsole` does */
export function listParked(context: CommandContext, limit = PARKED_MAX): Promise<ListedKeys> {
  const pipeline = context.flags.text('pipeline')
  const query = new URLSearchParams({
    limit: String(limit),
    ...(pipeline === undefined ? {} : { pipeline }),
  })
  return askConsole<ListedKeys>(context, `/api/parked?${query}`)
}

/** A key as it is typed: text as it is, any other as JSON. */
export function typedKey(key: unknown): string {
  return typeof key === 'string' ? key : JSON.stringify(key)
}
