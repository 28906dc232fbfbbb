import { MillraceError, messageOf } from '../core/errors.ts'

const texts: Readonly<Record<string, string>> = {
  EACCES: 'access is denied',
  EEXIST: 'it is already there',
  EIO: 'the device reports an error',
  EISDIR: 'it is a directory',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open on this machine',
  ENOTDIR: 'a part of the path is not a directory',
  ENOTEMPTY: 'the directory is not empty',
  EROFS: 'the file system is read-only',
}

/** The error for what the operating system (or its simulation) answered about a file: a code such as ENOSPC. */
export function diskError(code: string, path: string, cause?: unknown): MillraceError {
  const details = { where: path, context: { code }, ...(cause === undefined ? {} : { cause }) }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new MillraceError('MR_DISK_FULL', `no room on the disk for "${path}"`, {
      ...details,
      hint: 'Free some space, or point --data at another disk. Nothing that was acknowledged is lost.',
    })
  }
  if (code === 'ENOENT') return new MillraceError('MR_FILE_NOT_FOUND', `no file "${path}"`, details)
  const reason = texts[code] ?? (cause === undefined ? 'the operating system refused' : messageOf(cause))
  const hint = code === 'EMFILE' ? { hint: 'Raise the limit on open files: `ulimit -n 65536`.' } : {}
  return new MillraceError('MR_DISK_FAILED', `cannot use "${path}": ${reason} (${code})`, {
    ...details,
    ...hint,
  })
}

/** The error for a file object that was closed before the call. */
export function fileClosed(path: string, why = 'the file was closed'): MillraceError {
  return new MillraceError('MR_CLOSED', why, { where: path })
}
