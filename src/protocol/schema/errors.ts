/** Errors of the codec: which field it was, as a path such as `topics.partitions.records`. */
import { MillraceError } from '../../core/errors.ts'

/** A value that cannot be written into the field at `path`. */
export function valueInvalid(path: string, wrong: string): MillraceError {
  return new MillraceError('MR_PROTOCOL_VALUE_INVALID', `"${path}" ${wrong}`, { where: path })
}

/** Bytes in the field at `path` that no correct peer sends. */
export function bytesInvalid(path: string, wrong: string): MillraceError {
  return new MillraceError('MR_BYTES_INVALID', `"${path}" ${wrong}`, { where: path })
}

/** A field with a value that the version in use has no place for. */
export function fieldUnsupported(path: string, version: number): MillraceError {
  return new MillraceError('MR_PROTOCOL_FIELD_UNSUPPORTED', `version ${version} has no field "${path}"`, {
    where: path,
    hint: 'The other side is too old for this request; leave the field at its default.',
  })
}

/** Adds the path to an error of the byte reader, which does not know it. */
export function located(error: unknown, path: string): unknown {
  if (!(error instanceof MillraceError) || error.where !== undefined) return error
  return new MillraceError(error.code, error.message, {
    where: path,
    context: error.context,
    retriable: error.retriable,
    cause: error,
  })
}
