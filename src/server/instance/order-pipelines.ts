import type { PhysicalPlan } from '../../plan/plan.ts'
import type { ConfiguredPipeline } from './config.ts'

export interface PlannedPipeline {
  readonly pipeline: ConfiguredPipeline
  readonly plan: PhysicalPlan
}

/** Pipelines after those whose topics they read; those in a circle keep the order of the configuration. */
export function orderPipelines(pipelines: readonly ConfiguredPipeline[]): PlannedPipeline[] {
  let open = pipelines.map((pipeline) => ({ pipeline, plan: pipeline.plan() }))
  const ordered: PlannedPipeline[] = []
  while (open.length > 0) {
    const written = new Map(open.map((one) => [one, topicsOf(one.plan, 'sinks')]))
    const waits = (one: PlannedPipeline): boolean =>
      topicsOf(one.plan, 'sources').some((topic) =>
        open.some((other) => other !== one && written.get(other)?.includes(topic) === true),
      )
    const ready = open.filter((one) => !waits(one))
    ordered.push(...(ready.length > 0 ? ready : open))
    open = ready.length > 0 ? open.filter(waits) : []
  }
  return ordered
}

function topicsOf(plan: PhysicalPlan, side: 'sources' | 'sinks'): string[] {
  return plan.subTopologies.flatMap((part) =>
    part[side].filter((one) => !one.internal).map((one) => one.topic),
  )
}
