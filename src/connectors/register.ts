/** All connectors that come with Millrace, by name: one line each. A connector is loaded when it is asked for. */
import type { SinkConnector, SourceConnector } from '../connector/index.ts'

interface ConnectorModule {
  readonly default: Pick<SourceConnector, 'kind'> | Pick<SinkConnector, 'kind'>
}

export const connectors = {
  file: () => import('./file/index.ts'),
  'spool-directory': () => import('./spool-directory/index.ts'),
} as const satisfies Readonly<Record<string, () => Promise<ConnectorModule>>>

export type ConnectorName = keyof typeof connectors
