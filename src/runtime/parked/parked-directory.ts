/** The parked keys of several pipelines of one process. */
import { suggestName } from '../../core/did-you-mean.ts'
import { MillraceError } from '../../core/errors.ts'
import type { ParkedKey } from '../../operators/operator.ts'
import type { ParkedRequest } from './parked-request.ts'
import { checkLimit, PARKED_DEFAULT, type ParkedKeys, type PipelineParked } from './pipeline-parked.ts'

export interface PipelineParkedKey extends ParkedKey {
  readonly pipeline: string
}

export interface ParkedOptions {
  /** Only of this pipeline. */
  readonly pipeline?: string | undefined
  /** Keys in the list: 1 to 10,000, default 100. */
  readonly limit?: number | undefined
}

interface Running {
  readonly name: string
  readonly runtime: { readonly parked: PipelineParked }
}

export class ParkedDirectory {
  private readonly pipelines: () => readonly Running[]

  /** @param pipelines those that run now; there may be more later */
  constructor(pipelines: () => readonly Running[]) {
    this.pipelines = pipelines
  }

  /** @throws MR_PIPELINE_UNKNOWN, MR_QUERY_INVALID; MR_STORE_MOVING (retriable) */
  async list({
    pipeline,
    limit = PARKED_DEFAULT,
  }: ParkedOptions = {}): Promise<ParkedKeys<PipelineParkedKey>> {
    checkLimit(limit)
    const lists = await Promise.all(
      this.among(pipeline).map(async ({ name, runtime }) => ({
        name,
        ...(await runtime.parked.list(limit)),
      })),
    )
    return {
      total: lists.reduce((sum, { total }) => sum + total, 0),
      keys: lists
        .flatMap(({ name, keys }) => keys.map((key) => ({ pipeline: name, ...key })))
        .slice(0, limit),
    }
  }

  /**
   * Decides about a parked key of an operator, of any pipeline or of one. See `PipelineParked.decide`.
   *
   * @throws MR_PIPELINE_UNKNOWN, MR_OPERATOR_UNKNOWN, MR_KEY_NOT_PARKED, MR_PIPELINE_ENDED, MR_QUERY_INVALID also when
   *   several pipelines have an operator of the name; MR_STORE_MOVING (retriable)
   */
  async decide({
    pipeline,
    ...request
  }: ParkedRequest & { readonly pipeline?: string | undefined }): Promise<number> {
    const among = this.among(pipeline)
    const { operator } = request
    const owners = among.filter(({ runtime }) => runtime.parked.operators.includes(operator))
    if (owners.length > 1) {
      throw new MillraceError(
        'MR_QUERY_INVALID',
        `${owners.length} pipelines have an operator "${operator}"`,
        {
          hint: `Say which one: ${owners.map(({ name }) => name).join(' or ')}.`,
        },
      )
    }
    const [only] = owners.length === 1 ? owners : among.length === 1 ? among : []
    if (only !== undefined) return only.runtime.parked.decide(request)
    const known = among.flatMap(({ runtime }) => runtime.parked.operators)
    throw new MillraceError(
      'MR_OPERATOR_UNKNOWN',
      `no pipeline has an operator "${operator}" that parks keys`,
      {
        hint: suggestName(operator, known),
      },
    )
  }

  private among(pipeline: string | undefined): readonly Running[] {
    const all = this.pipelines()
    if (pipeline === undefined) return all
    const named = all.filter(({ name }) => name === pipeline)
    if (named.length > 0) return named
    throw new MillraceError('MR_PIPELINE_UNKNOWN', `no pipeline "${pipeline}" runs here`, {
      hint: suggestName(
        pipeline,
        all.map(({ name }) => name),
      ),
    })
  }
}
