/** Makes a serde: finds or registers the schema that is written, and loads those that are read. */
import { MillraceError } from '../core/errors.ts'
import type { Format } from './format.ts'
import { RegistrySerde, type WriterParts } from './registry-serde.ts'
import type { SchemaRegistry } from './rest/schema-registry.ts'
import type { ResolvedSchema, SchemaReference, SchemaText, StoredSchema } from './schema.ts'
import { type SubjectNaming, subjectName } from './subject-name.ts'

export interface SerdeOptions {
  /** The topic that is read or written; the subject's name follows from it. */
  readonly topic?: string
  /** Whether it is for the topic's keys or values; `value` by default. */
  readonly part?: 'key' | 'value'
  /** The subject, if its name does not follow from the topic or the record. */
  readonly subject?: string
  /** How the subject is named; `topic` by default. */
  readonly subjectNaming?: SubjectNaming
  /** What the schema refers to. */
  readonly references?: readonly SchemaReference[]
  /**
   * How the schema gets its id: it is made a version of the subject (`register`, default), it must be one already
   * (`lookup`), or the subject's latest version is written, whatever `schema` is (`latest`). With `none` nothing can
   * be written.
   */
  readonly registration?: 'register' | 'lookup' | 'latest' | 'none'
  /** So many of the subject's latest versions are loaded at once; 20 by default. */
  readonly preloadedVersions?: number
  /** Compiled schemas that are kept; 1,000 by default. */
  readonly decodersMax?: number
}

interface Opening<T> {
  readonly registry: SchemaRegistry
  readonly format: Format<T>
  readonly options: SerdeOptions
  readonly schema: string | undefined
}

/** @throws MR_OPTION_INVALID, MR_SCHEMA_INVALID, MR_SCHEMA_INCOMPATIBLE, MR_SCHEMA_UNKNOWN, MR_REGISTRY_UNREACHABLE, … */
export async function openSerde<T>(opening: Opening<T>): Promise<RegistrySerde<T>> {
  const { format, options, registry, schema } = opening
  const own: SchemaText | undefined =
    schema === undefined
      ? undefined
      : { schemaType: format.schemaType, schema, references: options.references ?? [] }
  const reader = own === undefined ? undefined : await registry.resolve(own)
  // Fails where the schema is written, not where the first record is.
  const ownName = reader === undefined ? undefined : format.encoder(reader).recordName
  const subject = subjectOf(options, ownName)
  const writer = await openWriter(opening, subject, own, reader)
  const { decodersMax = 1000 } = options
  const serde = new RegistrySerde<T>({ registry, format, writer, reader, decodersMax })
  if (writer?.stored.id !== undefined) await serde.prepare(writer.stored.id, writer.stored)
  if (subject !== undefined) await preload(registry, serde, subject, options.preloadedVersions ?? 20)
  return serde
}

function subjectOf(options: SerdeOptions, recordName: string | undefined): string | undefined {
  const { part = 'value', registration, subject, subjectNaming = 'topic', topic } = options
  if (subject !== undefined) return subject
  const readsOnly = registration === 'none' || (recordName === undefined && registration === undefined)
  // Who only reads finds the schema by what the record says; the subject is known for speed.
  if (readsOnly && subjectNaming === 'topic' && topic === undefined) return undefined
  if (recordName === undefined && subjectNaming !== 'topic' && typeof subjectNaming === 'string')
    return undefined
  return subjectName(subjectNaming, { topic, part, recordName })
}

async function openWriter<T>(
  { format, options, registry }: Opening<T>,
  subject: string | undefined,
  own: SchemaText | undefined,
  resolved: ResolvedSchema | undefined,
): Promise<WriterParts<T> | undefined> {
  const { registration = own === undefined ? 'none' : 'register' } = options
  if (registration === 'none') return undefined
  if (subject === undefined) throw invalid('the subject is not known', 'Give topic or subject.')
  if (registration === 'latest') {
    const stored = await registry.version(subject, 'latest')
    return { encoder: format.encoder(await registry.resolve(stored)), subject, stored }
  }
  if (own === undefined || resolved === undefined)
    throw invalid(`there is no schema to ${registration}`, "Give schema, or registration: 'latest'.")
  const stored: StoredSchema =
    registration === 'register' ? await registry.register(subject, own) : await registry.lookup(subject, own)
  return { encoder: format.encoder(resolved), subject, stored: await withGuid(registry, subject, stored) }
}

/** Some registries tell the GUID only of a version that is there. */
async function withGuid(
  registry: SchemaRegistry,
  subject: string,
  stored: StoredSchema,
): Promise<StoredSchema> {
  if (stored.guid !== undefined) return stored
  const found = await registry.lookup(subject, stored).catch(() => undefined)
  return found?.guid === undefined ? stored : { ...stored, guid: found.guid }
}

/** A subject that is not there yet has no versions. */
async function preload<T>(
  registry: SchemaRegistry,
  serde: RegistrySerde<T>,
  subject: string,
  versionsMax: number,
): Promise<void> {
  const unknown = (error: unknown): readonly never[] => {
    if (error instanceof MillraceError && error.code === 'MR_SCHEMA_UNKNOWN') return []
    throw error
  }
  const numbers = versionsMax === 0 ? [] : await registry.versions(subject).catch(unknown)
  for (const number of numbers.slice(-versionsMax)) {
    const found = await registry.version(subject, number)
    await serde.prepare(found.id, found)
    if (found.guid !== undefined) await serde.prepare(found.guid, found)
  }
}

function invalid(message: string, hint: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', message, { hint })
}
