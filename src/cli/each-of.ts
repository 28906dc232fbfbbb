import { isMillraceError, MillraceError } from '../core/errors.ts'

/**
 * Runs `act` for one name after the other; one that fails does not keep the others from it. Returns those that
 * succeeded, and what to throw when that was told.
 *
 * @param undone how it is said that it did not happen: `not created`
 */
export async function eachOf(
  names: readonly string[],
  undone: string,
  act: (name: string) => Promise<void>,
): Promise<{ readonly done: readonly string[]; readonly failure: MillraceError | undefined }> {
  const done: string[] = []
  const failed = new Map<string, MillraceError>()
  for (const name of new Set(names)) {
    try {
      await act(name)
      done.push(name)
    } catch (error) {
      if (!isMillraceError(error) || error.code === 'MR_ABORTED') throw error
      failed.set(name, error)
      // Whatever cannot be reached now cannot be reached for the next one either.
      if (error.retriable) break
    }
  }
  return { done, failure: failureOf(failed, done.length, undone) }
}

function failureOf(
  failed: ReadonlyMap<string, MillraceError>,
  doneCount: number,
  undone: string,
): MillraceError | undefined {
  const [first] = failed.values()
  if (first === undefined || failed.size + doneCount === 1) return first
  const names = [...failed.keys()].join(', ')
  return new MillraceError(first.code, `${undone}: ${names}; ${first.message}`, {
    ...(first.where === undefined ? {} : { where: first.where }),
    ...(first.hint === undefined ? {} : { hint: first.hint }),
    context: { ...first.context, failed: names },
    cause: first,
  })
}
