/** The one model of the page and the connection that feeds it. */
import { FlowModel } from './flow-model.ts'
import { LiveConnection } from './live-connection.ts'

export const flow = new FlowModel()
export const connection = new LiveConnection('api/flow/events?intervalMs=1000', (snapshot) =>
  flow.apply(snapshot),
)
