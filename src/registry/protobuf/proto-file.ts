/**
 * A .proto file with what it imports, as protobufjs has it. A registry gives it as its text, or (where Confluent's
 * client for Python registered it, in some registries) as a serialized FileDescriptorProto in base64.
 *
 * The message of a record is found by its place in the file. Entries of map fields are no messages of the text, and
 * are not counted.
 */
import type { Root, Type } from 'protobufjs'
import { MillraceError } from '../../core/errors.ts'
import { invalidSchema } from '../format.ts'
import type { ResolvedSchema } from '../schema.ts'
import type { MessagePath } from '../wire/message-path.ts'

export type Protobuf = typeof import('protobufjs')

const MAIN = 'main.proto'

/** What Confluent's registry has built in besides Google's. */
const confluentFiles: Readonly<Record<string, string>> = {
  'confluent/type/decimal.proto':
    'syntax = "proto3"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }',
}
/** They only define options. */
const optionFiles = /^(confluent\/meta|google\/protobuf\/descriptor|google\/api\/\w+)\.proto$/

export class ProtoFile {
  private readonly top: readonly Type[]
  private readonly protobuf: Protobuf

  private constructor(protobuf: Protobuf, top: readonly Type[]) {
    this.protobuf = protobuf
    this.top = top
  }

  /** @throws MR_SCHEMA_INVALID */
  static parse(protobuf: Protobuf, { dependencies, schema }: ResolvedSchema): ProtoFile {
    try {
      const texts = new Map([
        ...dependencies.map(({ name, schema: text }) => [name, text] as const),
        [MAIN, schema],
      ])
      const top = isDescriptor(schema) ? fromDescriptors(protobuf, texts) : fromTexts(protobuf, texts)
      return new ProtoFile(protobuf, top)
    } catch (cause) {
      if (cause instanceof MillraceError) throw cause
      throw invalidSchema('the Protobuf schema cannot be used', cause)
    }
  }

  /** @throws MR_SCHEMA_INVALID when the file has no such message */
  messageAt(path: MessagePath): Type {
    let level = this.top
    let found: Type | undefined
    for (const index of path) {
      found = level[index]
      level = found === undefined ? [] : this.nestedOf(found)
    }
    if (found !== undefined) return found
    throw new MillraceError('MR_SCHEMA_INVALID', `the file has no message at [${path.join(', ')}]`, {
      hint: 'The record was written with another schema than its id says.',
    })
  }

  /** The message with a full name, or the only one whose name ends so. */
  pathOf(name: string): MessagePath {
    const found: { readonly path: MessagePath; readonly fullName: string }[] = []
    const visit = (types: readonly Type[], above: MessagePath): void => {
      types.forEach((type, index) => {
        const path = [...above, index]
        found.push({ path, fullName: nameOf(type) })
        visit(this.nestedOf(type), path)
      })
    }
    visit(this.top, [])
    const whole = found.find(({ fullName }) => fullName === name)
    const ends = found.filter(({ fullName }) => fullName.endsWith(`.${name}`))
    const one = whole ?? (ends.length === 1 ? ends[0] : undefined)
    if (one !== undefined) return one.path
    throw new MillraceError('MR_SCHEMA_INVALID', `the file has no message "${name}"`, {
      hint: `It has ${found.map(({ fullName }) => fullName).join(', ') || 'none'}.`,
    })
  }

  private nestedOf(type: Type): readonly Type[] {
    return type.nestedArray.filter((one) => one instanceof this.protobuf.Type)
  }
}

/** `shop.Order`. */
export const nameOf = (type: Type): string => type.fullName.replace(/^\./, '')

/** Base64 of a message whose first field is a text: what no .proto file begins with. */
function isDescriptor(text: string): boolean {
  return /^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(text) && Buffer.from(text, 'base64')[0] === 0x0a
}

function fromTexts(protobuf: Protobuf, texts: ReadonlyMap<string, string>): readonly Type[] {
  const root = new protobuf.Root()
  const done = new Set<string>()
  const add = (name: string): string | undefined => {
    if (done.has(name)) return undefined
    done.add(name)
    const text = texts.get(name) ?? confluentFiles[name]
    if (text === undefined) {
      addBuiltIn(protobuf, root, name)
      return undefined
    }
    // Each type keeps the file that it is of.
    Object.assign(protobuf.parse, { filename: name })
    const parsed = protobuf.parse(text, root)
    for (const imported of parsed.imports ?? []) add(imported)
    return parsed.package
  }
  const inPackage = add(MAIN)
  root.resolveAll()
  const namespace = inPackage === undefined ? root : root.lookup(inPackage)
  const all = namespace instanceof protobuf.Namespace ? namespace.nestedArray : []
  return all.filter((one) => one instanceof protobuf.Type).filter(({ filename }) => filename === MAIN)
}

function addBuiltIn(protobuf: Protobuf, root: Root, name: string): void {
  const json = protobuf.common.get(name)
  if (json?.nested !== undefined && json.nested !== null) root.addJSON(json.nested)
  else if (!optionFiles.test(name)) {
    throw new MillraceError('MR_SCHEMA_INVALID', `the file imports "${name}", which is not there`, {
      hint: 'Register it under a subject of its own, and give references with this name.',
    })
  }
}

function fromDescriptors(protobuf: Protobuf, texts: ReadonlyMap<string, string>): readonly Type[] {
  const { FileDescriptorProto } = descriptorTypes(protobuf)
  const files = [...texts.values()].map(
    (text) => FileDescriptorProto.decode(Buffer.from(text, 'base64')) as unknown as FileDescriptor,
  )
  for (const { messageType } of files) nameFields(protobuf, messageType)
  const main = files.at(-1)!
  // What Google's own files define is used without being among the references.
  const builtIn = main.dependency.filter((name) => !texts.has(name))
  const root = buildRoot(protobuf, files, builtIn)
  const prefix = main.package === undefined || main.package === '' ? '' : `${main.package}.`
  return main.messageType.map(({ name }) => root.lookupType(prefix + name))
}

interface MessageDescriptor {
  readonly name: string
  readonly nestedType: readonly MessageDescriptor[]
  readonly field: readonly { readonly name: string; jsonName?: string }[]
}

interface FileDescriptor {
  readonly package?: string
  readonly dependency: readonly string[]
  readonly messageType: readonly MessageDescriptor[]
}

/** Programs leave the names in camel case out of descriptors; here they are as those of a text. */
function nameFields(protobuf: Protobuf, messages: readonly MessageDescriptor[]): void {
  for (const { field, nestedType } of messages) {
    for (const one of field) one.jsonName = protobuf.util.camelCase(one.name)
    nameFields(protobuf, nestedType)
  }
}

function buildRoot(protobuf: Protobuf, files: readonly FileDescriptor[], builtIn: readonly string[]): Root {
  const common = new protobuf.Root()
  for (const name of builtIn) addBuiltIn(protobuf, common, name)
  common.resolveAll()
  const google = common.toDescriptor('proto3') as unknown as { readonly file: readonly unknown[] }
  return protobuf.Root.fromDescriptor({ file: [...google.file, ...files] } as never)
}

interface DescriptorTypes {
  readonly FileDescriptorProto: Type
}

function descriptorTypes(protobuf: Protobuf): DescriptorTypes {
  return (protobuf as unknown as { readonly descriptor: DescriptorTypes }).descriptor
}
