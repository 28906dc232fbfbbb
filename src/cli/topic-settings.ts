/** The settings of a topic as its broker tells them, for commands that change it. */
import type { Admin } from '../client/admin/admin.ts'
import { suggestName } from '../core/did-you-mean.ts'
import { isMillraceError, MillraceError } from '../core/errors.ts'

/** Values by name; undefined when the broker does not tell. */
export async function topicSettings(
  admin: Admin,
  topic: string,
): Promise<ReadonlyMap<string, string | null> | undefined> {
  try {
    const [found] = await admin.describeConfigs([{ type: 'topic', name: topic }])
    return new Map(found?.configs.map(({ name, value }) => [name, value]))
  } catch (error) {
    // Brokers are not bound to tell: they check for themselves what they are asked to do.
    if (isMillraceError(error, 'MR_PROTOCOL_VERSION_UNSUPPORTED')) return undefined
    throw error
  }
}

/** @throws MR_USAGE with the setting that was probably meant */
export function requireSetting(name: string, known: ReadonlyMap<string, string | null>): void {
  if (known.has(name)) return
  throw new MillraceError('MR_USAGE', `topics have no setting "${name}"`, {
    hint: suggestName(name, known.keys()),
  })
}
