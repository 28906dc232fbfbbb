import { MillraceError } from '../../core/errors.ts'

/** The error for a file that is not what it was when it was taken up. */
export function fileChanged(path: string, what: string): MillraceError {
  return new MillraceError('MR_SOURCE_FILE_CHANGED', `"${path}" ${what}`, {
    where: path,
    hint: 'Put the file back as it was, or move it out of the directory; give new data a new name.',
  })
}
