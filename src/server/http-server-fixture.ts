/** What tests of the HTTP server share: a server on a free port over made-up snapshots, closed after its test. */
import { silentLogger } from '../core/logger.ts'
import { nodePlatform } from '../platform/node/platform.ts'
import type { FlowSnapshot } from './flow.ts'
import { type HttpServer, type HttpServerOptions, startHttpServer } from './http-server.ts'

let snapshots = 0
/** Each is one millisecond later than the one before. */
export function snapshot(change: Partial<FlowSnapshot> = {}): FlowSnapshot {
  snapshots += 1
  return {
    title: 'flights',
    version: '0.1.0',
    nowMs: 1_700_000_000_000,
    uptimeMs: snapshots,
    state: 'running',
    nodes: [],
    edges: [],
    results: [],
    parts: [],
    ...change,
  }
}

/** How many snapshots were asked for so far. */
export const snapshotsTaken = (): number => snapshots

export function startTestServer(options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  return startHttpServer({
    platform: nodePlatform(),
    observer: { snapshot: () => snapshot() },
    logger: silentLogger,
    consoleDirectory: '/nowhere/console',
    port: 0,
    ...options,
  })
}

export async function withTestServer(
  options: Partial<HttpServerOptions>,
  run: (server: HttpServer) => Promise<void>,
): Promise<void> {
  const server = await startTestServer(options)
  try {
    await run(server)
  } finally {
    await server.close()
  }
}
