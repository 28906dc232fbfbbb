import { MillraceError } from '../../core/errors.ts'

/** The error of a frame that cannot be read, from the error of the byte or field where it failed. */
export function frameInvalid(error: unknown, message: string, version?: number): unknown {
  if (!(error instanceof MillraceError)) return error
  const field = error.where === undefined ? '' : `, field "${error.where}"`
  return new MillraceError('MR_PROTOCOL_REQUEST_INVALID', error.message, {
    where: version === undefined ? `${message}${field}` : `${message} v${version}${field}`,
    context: version === undefined ? { message } : { message, version },
    cause: error,
  })
}
