/**
 * The door for schemas: Standard Schema v1 (https://standardschema.dev), which zod, valibot and arktype
 * implement. The interface is restated here; nothing depends on a package.
 */
import { MillraceError } from './errors.ts'

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

export type SchemaResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

/** What a schema library hands over: a validator with its types. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** The type of the values that a schema lets through. */
export type SchemaOutput<S> = S extends StandardSchema<infer _Input, infer Output> ? Output : never

/** `amountCents: expected number, got string`. */
export function formatIssues(issues: readonly SchemaIssue[]): string {
  return issues
    .map((issue) => {
      const path = (issue.path ?? []).map((step) => String(typeof step === 'object' ? step.key : step))
      return path.length === 0 ? issue.message : `${path.join('.')}: ${issue.message}`
    })
    .join('; ')
}

/**
 * Validates one value.
 *
 * @throws MR_RECORD_INVALID with the issues, MR_SCHEMA_ASYNC when the schema answers with a promise
 */
export function validate<Output>(schema: StandardSchema<unknown, Output>, value: unknown): Output {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) {
    throw new MillraceError(
      'MR_SCHEMA_ASYNC',
      `the ${schema['~standard'].vendor} schema validates asynchronously`,
      {
        hint: 'Use a schema without asynchronous refinements on a stream.',
      },
    )
  }
  if (result.issues !== undefined) {
    throw new MillraceError('MR_RECORD_INVALID', formatIssues(result.issues))
  }
  return result.value
}
