/** The stores of several pipelines of one process. */
import { suggestName } from '../../core/did-you-mean.ts'
import { MillraceError } from '../../core/errors.ts'
import type { PipelineStores, StoreDescription } from './pipeline-stores.ts'
import type { StoreReader } from './store-reader.ts'

/** The pipelines that run now; there may be more later. */
export type RunningPipelines = () => readonly {
  readonly name: string
  readonly runtime: { readonly stores: PipelineStores }
}[]

export class StoreDirectory {
  private readonly pipelines: RunningPipelines

  constructor(pipelines: RunningPipelines) {
    this.pipelines = pipelines
  }

  list(): readonly StoreDescription[] {
    return this.pipelines().flatMap(({ runtime }) => runtime.stores.list())
  }

  /**
   * A store by its name or that of its table, of any pipeline or of one.
   *
   * @throws MR_STORE_UNKNOWN, MR_QUERY_INVALID when several pipelines have one of the name
   */
  open<K = unknown, V = unknown>(name: string, pipeline?: string): StoreReader<K, V> {
    const pipelines = this.pipelines()
    const among = pipelines.filter((one) => pipeline === undefined || one.name === pipeline)
    if (among.length === 0) {
      const names = pipelines.map((one) => one.name)
      throw new MillraceError('MR_STORE_UNKNOWN', `no pipeline "${pipeline ?? ''}" runs here`, {
        hint: suggestName(pipeline ?? '', names),
      })
    }
    const owners = among.filter(({ runtime }) => runtime.stores.has(name))
    if (owners.length > 1) {
      throw new MillraceError('MR_QUERY_INVALID', `${owners.length} pipelines have a store "${name}"`, {
        hint: `Say which one: ${owners.map((one) => one.name).join(' or ')}.`,
      })
    }
    const [only] = owners.length === 1 ? owners : among.length === 1 ? among : []
    if (only !== undefined) return only.runtime.stores.open<K, V>(name)
    const known = this.list().map((store) => store.table ?? store.name)
    throw new MillraceError('MR_STORE_UNKNOWN', `no pipeline has a store "${name}" for queries`, {
      hint: suggestName(name, known),
    })
  }
}
