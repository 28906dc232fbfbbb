/** What a registry keeps: schemas as texts, with what they refer to. Names as in its REST interface. */

export type SchemaType = 'AVRO' | 'JSON' | 'PROTOBUF'

/** A schema that another one uses: under this name in its text, kept as this version of a subject. */
export interface SchemaReference {
  /** Avro: the full name of the type. JSON Schema: the text of `$ref`. Protobuf: the path of the import. */
  readonly name: string
  readonly subject: string
  readonly version: number
}

export interface SchemaText {
  readonly schemaType: SchemaType
  readonly schema: string
  readonly references: readonly SchemaReference[]
}

/** A schema that has an identity in a registry. */
export interface StoredSchema extends SchemaText {
  /** Undefined when it was asked for by its GUID. */
  readonly id: number | undefined
  /** Lower case with dashes; undefined where the registry does not tell. */
  readonly guid: string | undefined
}

/** A schema as a version of a subject. */
export interface SchemaVersion extends StoredSchema {
  readonly id: number
  readonly subject: string
  readonly version: number
}

/** A schema with all that it refers to, directly or not: each after what it needs itself. */
export interface ResolvedSchema extends SchemaText {
  readonly dependencies: readonly { readonly name: string; readonly schema: string }[]
}
