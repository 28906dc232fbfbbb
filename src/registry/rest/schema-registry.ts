/**
 * A client of a schema registry: Confluent's, or one with the same REST interface (Karapace, Apicurio's ccompat).
 *
 * A schema's id never changes its meaning, so schemas by id, by GUID and by number of a version are kept; `latest` and
 * lists of versions are asked for each time. Requests for the same schema at the same time are one.
 */
import { isMillraceError, MillraceError } from '../../core/errors.ts'
import type { Clock } from '../../platform/clock.ts'
import type { ResolvedSchema, SchemaText, SchemaVersion, StoredSchema } from '../schema.ts'
import { readId, readSchema, readVersion, schemaBody } from './answers.ts'
import { BoundedCache } from './bounded-cache.ts'
import type { RegistryOptions } from './options.ts'
import {
  errorOf,
  type RegistryAnswer,
  type RegistryCall,
  RegistryTransport,
  refusedError,
} from './transport.ts'

export type Compatibility =
  | 'NONE'
  | 'BACKWARD'
  | 'BACKWARD_TRANSITIVE'
  | 'FORWARD'
  | 'FORWARD_TRANSITIVE'
  | 'FULL'
  | 'FULL_TRANSITIVE'

/** A schema is made of no more than this many others. */
const DEPENDENCIES_MAX = 200
/** For so long a schema that is not there is not asked for again: a topic may be full of records with its id. */
const UNKNOWN_MS = 5000

export class SchemaRegistry {
  private readonly transport: RegistryTransport
  private readonly byId: BoundedCache<number, StoredSchema>
  private readonly byGuid: BoundedCache<string, StoredSchema>
  private readonly byVersion: BoundedCache<string, SchemaVersion>
  private readonly registered: BoundedCache<string, StoredSchema>
  private readonly unknown: BoundedCache<
    number | string,
    { readonly error: MillraceError; readonly untilMs: number }
  >
  private readonly clock: Clock

  /** @throws MR_OPTION_INVALID */
  constructor(options: RegistryOptions) {
    this.transport = new RegistryTransport(options)
    const { cachedSchemasMax } = this.transport.settings
    this.byId = new BoundedCache(cachedSchemasMax)
    this.byGuid = new BoundedCache(cachedSchemasMax)
    this.byVersion = new BoundedCache(cachedSchemasMax)
    this.registered = new BoundedCache(cachedSchemasMax)
    this.unknown = new BoundedCache(cachedSchemasMax)
    this.clock = options.platform.clock
  }

  /** The addresses, without passwords. */
  get where(): string {
    return this.transport.where
  }

  /** Schemas that are kept. */
  get cachedSchemas(): number {
    return this.byId.size + this.byGuid.size + this.byVersion.size + this.registered.size
  }

  /** The names of all subjects. */
  async subjects(): Promise<readonly string[]> {
    return (await this.ask({ what: 'the subjects', method: 'GET', path: ['subjects'] })) as readonly string[]
  }

  /** The numbers of a subject's versions, rising. @throws MR_SCHEMA_UNKNOWN */
  async versions(subject: string): Promise<readonly number[]> {
    const path = ['subjects', subject, 'versions']
    const numbers = await this.ask({ what: `the versions of "${subject}"`, method: 'GET', path })
    return (numbers as readonly number[]).toSorted((a, b) => a - b)
  }

  /** One version of a subject. @throws MR_SCHEMA_UNKNOWN */
  version(subject: string, version: number | 'latest'): Promise<SchemaVersion> {
    const load = async (): Promise<SchemaVersion> => {
      const call: RegistryCall = {
        what:
          version === 'latest' ? `the latest version of "${subject}"` : `version ${version} of "${subject}"`,
        method: 'GET',
        path: ['subjects', subject, 'versions', version],
      }
      const found = readVersion(await this.ask(call), call.what)
      this.byId.set(found.id, found)
      return found
    }
    return version === 'latest' ? load() : this.byVersion.get(`${subject}\n${version}`, load)
  }

  /** The schema with an id. @throws MR_SCHEMA_UNKNOWN */
  schemaById(id: number): Promise<StoredSchema> {
    const call: RegistryCall = { what: `schema ${id}`, method: 'GET', path: ['schemas', 'ids', id] }
    return this.byId.get(id, async () => ({ ...readSchema(await this.askOnce(id, call), call.what), id }))
  }

  /** The schema with a GUID, which is the same in every registry. @throws MR_SCHEMA_UNKNOWN */
  schemaByGuid(guid: string): Promise<StoredSchema> {
    const call: RegistryCall = { what: `schema ${guid}`, method: 'GET', path: ['schemas', 'guids', guid] }
    return this.byGuid.get(guid, async () => ({
      ...readSchema(await this.askOnce(guid, call), call.what),
      guid,
    }))
  }

  /**
   * Makes a schema a version of a subject, if it is not one yet, and gives its identity.
   * @throws MR_SCHEMA_INCOMPATIBLE, MR_SCHEMA_INVALID
   */
  register(subject: string, schema: SchemaText): Promise<StoredSchema> {
    return this.registered.get(`register\n${subject}\n${keyOf(schema)}`, async () => {
      const what = `a schema for "${subject}"`
      const call: RegistryCall = {
        what,
        method: 'POST',
        path: ['subjects', subject, 'versions'],
        body: schemaBody(schema),
      }
      const answer = await this.ask(call)
      const id = readId(answer, what)
      const { guid } = answer as { readonly guid?: unknown }
      const stored: StoredSchema = { ...schema, id, guid: typeof guid === 'string' ? guid : undefined }
      this.byId.set(id, stored)
      return stored
    })
  }

  /** The version of a subject that has this schema. @throws MR_SCHEMA_UNKNOWN when none has */
  lookup(subject: string, schema: SchemaText): Promise<StoredSchema> {
    return this.registered.get(`lookup\n${subject}\n${keyOf(schema)}`, async () => {
      const call: RegistryCall = {
        what: `the schema in "${subject}"`,
        method: 'POST',
        path: ['subjects', subject],
        body: schemaBody(schema),
      }
      return readVersion(await this.ask(call), call.what, schema.schemaType)
    })
  }

  /** Whether a schema could become the next version. A subject that does not exist takes every schema. */
  async isCompatible(
    subject: string,
    schema: SchemaText,
    version: number | 'latest' = 'latest',
  ): Promise<{ readonly compatible: boolean; readonly reasons: readonly string[] }> {
    const call: RegistryCall = {
      what: `the compatibility with "${subject}"`,
      method: 'POST',
      path: ['compatibility', 'subjects', subject, 'versions', version],
      query: { verbose: 'true' },
      body: schemaBody(schema),
    }
    const answer = await this.ask(call).catch((error: unknown) => {
      if (isMillraceError(error, 'MR_SCHEMA_UNKNOWN') && version === 'latest') return { is_compatible: true }
      throw error
    })
    const { is_compatible: compatible, messages } = answer as {
      readonly is_compatible?: unknown
      readonly messages?: unknown
    }
    return { compatible: compatible === true, reasons: Array.isArray(messages) ? messages.map(String) : [] }
  }

  /** What new versions of a subject have to keep to; of all subjects if none is given. */
  async compatibility(subject?: string): Promise<Compatibility> {
    const call: RegistryCall = {
      what: subject === undefined ? 'the compatibility level' : `the compatibility level of "${subject}"`,
      method: 'GET',
      path: subject === undefined ? ['config'] : ['config', subject],
      ...(subject !== undefined && { query: { defaultToGlobal: 'true' } }),
    }
    const answer = (await this.ask(call)) as { readonly compatibilityLevel?: unknown }
    return String(answer.compatibilityLevel) as Compatibility
  }

  async setCompatibility(level: Compatibility, subject?: string): Promise<void> {
    await this.ask({
      what: 'setting the compatibility level',
      method: 'PUT',
      path: subject === undefined ? ['config'] : ['config', subject],
      body: { compatibility: level },
    })
  }

  /** Gives the numbers of the versions that are deleted; with `permanent`, of those that were deleted before. */
  async deleteSubject(
    subject: string,
    options: { readonly permanent?: boolean } = {},
  ): Promise<readonly number[]> {
    const deleted = await this.ask({
      what: `deleting "${subject}"`,
      method: 'DELETE',
      path: ['subjects', subject],
      ...(options.permanent === true && { query: { permanent: 'true' } }),
    })
    return deleted as readonly number[]
  }

  /** A schema with all that it refers to. @throws MR_SCHEMA_UNKNOWN, MR_SCHEMA_INVALID when they go round in a circle */
  async resolve(schema: SchemaText): Promise<ResolvedSchema> {
    const dependencies = new Map<string, string>()
    const visit = async ({ references }: SchemaText, above: readonly string[]): Promise<void> => {
      for (const { name, subject, version } of references) {
        const place = `${subject}\n${version}`
        if (above.includes(place) || dependencies.size >= DEPENDENCIES_MAX) {
          throw new MillraceError(
            'MR_SCHEMA_INVALID',
            above.includes(place)
              ? `the references of "${subject}" version ${version} lead back to it`
              : `a schema refers to more than ${DEPENDENCIES_MAX} others`,
            { where: this.where, hint: 'Take the references apart.' },
          )
        }
        if (dependencies.has(name)) continue
        const found = await this.version(subject, version)
        await visit(found, [...above, place])
        dependencies.set(name, found.schema)
      }
    }
    await visit(schema, [])
    return { ...schema, dependencies: [...dependencies].map(([name, text]) => ({ name, schema: text })) }
  }

  /** Ends what is under way. */
  close(): void {
    this.transport.close()
  }

  /** Asks for a schema, unless it was not there a moment ago. */
  private async askOnce(key: number | string, call: RegistryCall): Promise<unknown> {
    const known = this.unknown.peek(key)
    if (known !== undefined && this.clock.monotonicMs() < known.untilMs) throw known.error
    try {
      return await this.ask(call)
    } catch (error) {
      if (isMillraceError(error, 'MR_SCHEMA_UNKNOWN'))
        this.unknown.set(key, { error, untilMs: this.clock.monotonicMs() + UNKNOWN_MS })
      throw error
    }
  }

  private async ask(call: RegistryCall): Promise<unknown> {
    const answer = await this.transport.call(call)
    if (answer.status >= 200 && answer.status < 300) return answer.value
    throw answerError(call, answer)
  }
}

/** The error that an answer stands for (Confluent's error codes). */
function answerError(call: RegistryCall, answer: RegistryAnswer): MillraceError {
  const { errorCode, message } = errorOf(answer)
  const { status, url } = answer
  const context = { status, errorCode: errorCode ?? null, url }
  if (status === 404) {
    return new MillraceError('MR_SCHEMA_UNKNOWN', `${call.what} is not in the registry: ${message}`, {
      where: url,
      context,
      hint: 'Check that this is the registry that the records were written with, and that nothing was deleted from it.',
    })
  }
  if (status === 409) {
    return new MillraceError('MR_SCHEMA_INCOMPATIBLE', `${call.what} breaks its compatibility: ${message}`, {
      where: url,
      context,
      hint: 'Give new fields a default and keep those that others need, or set another level for the subject.',
    })
  }
  if (status === 422) {
    return new MillraceError('MR_SCHEMA_INVALID', `${call.what} is refused: ${message}`, {
      where: url,
      context,
      hint: 'Mend the schema, its type, or its references.',
    })
  }
  return refusedError(call, answer)
}

function keyOf({ references, schema, schemaType }: SchemaText): string {
  return JSON.stringify([
    schemaType,
    schema,
    references.map(({ name, subject, version }) => [name, subject, version]),
  ])
}
