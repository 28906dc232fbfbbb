/**
 * The live picture of a running Millrace: what `/api/flow` sends and the Flow page draws.
 *
 * Types only, shared with the console. A snapshot is whole: a reader that missed any number of them needs only
 * the last one. Counters only grow while the process runs and start again at 0 with it (`uptimeMs` tells).
 */

export interface FlowSnapshot {
  /** What is running, as the user named it: `flights`. */
  readonly title: string
  /** Millrace's own version. */
  readonly version: string
  /** Wall-clock time of the snapshot. */
  readonly nowMs: number
  /** Since the process started. */
  readonly uptimeMs: number
  readonly state: FlowState
  /** Node ids are unique. The order is that of the layout: the same order gives the same drawing. */
  readonly nodes: readonly FlowNode[]
  /** At most one edge for a pair of nodes; both ends are among `nodes`. */
  readonly edges: readonly FlowEdge[]
  readonly results: readonly ResultTable[]
  /** What came up at the start, in the order of coming up. */
  readonly parts: readonly FlowPart[]
  /** Why the state is what it is, when there is more to say: the error of `failed`, the outcome of `finished`. */
  readonly message?: string
}

export type FlowState = 'starting' | 'running' | 'finished' | 'stopping' | 'failed'

export type FlowNodeKind = 'source' | 'topic' | 'operator' | 'store' | 'sink'

export interface FlowNode {
  /** Stable over restarts of the same topology, so that links to a node keep working. */
  readonly id: string
  readonly kind: FlowNodeKind
  readonly label: string
  /**
   * The agent, pipeline or sink group that the node is drawn in; '' for what stands between them, as topics do.
   * A topic that only one pipeline uses (repartition, changelog) may carry the pipeline's name.
   */
  readonly group: string
  /** Records that came out of a source, were appended to a topic, went into all else; since process start. */
  readonly records: number
  readonly recordsPerSecond: number
  readonly lateRecords: number
  readonly badRecords: number
  /** Event time up to which the node is complete, in ms since the epoch; null where it has none (yet). */
  readonly watermarkMs: number | null
  /** More to show in the side panel, in this order: partitions, file, code location, keys in store. */
  readonly details: Readonly<Record<string, string | number>>
}

export interface FlowEdge {
  readonly from: string
  readonly to: string
  readonly records: number
  readonly recordsPerSecond: number
  /** Records appended and not yet read along this edge; null where nothing waits between the two. */
  readonly lagRecords: number | null
}

/** The latest rows of a result topic. */
export interface ResultTable {
  readonly topic: string
  readonly title: string
  readonly columns: readonly ResultColumn[]
  /** The latest first, a bounded number of them; each as long as `columns`. */
  readonly rows: readonly (readonly ResultCell[])[]
  /** Rows in the result as a whole. */
  readonly rowCount: number
}

export interface ResultColumn {
  readonly name: string
  readonly type: 'text' | 'number' | 'time'
}

/** Cells of a `time` column are ms since the epoch. */
export type ResultCell = string | number | null

export interface FlowPart {
  readonly name: string
  /** One line: `127.0.0.1:9092`, `2 tasks, 1 store`. */
  readonly detail: string
  /** How long the part took to come up. */
  readonly readyMs: number
}

/** Where the server gets its picture from. `snapshot` is called up to ten times a second and must be cheap. */
export interface FlowObserver {
  snapshot(): FlowSnapshot
}
