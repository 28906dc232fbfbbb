/** A broker on the simulated network that answers as a `ScriptedConnection` does, one request after the other. */
import { ByteReader } from '../core/byte-reader.ts'
import type { Socket } from '../platform/net.ts'
import type { Simulation } from '../platform/simulated/platform.ts'
import { decodeRequest } from '../protocol/codec/request.ts'
import { decodeRequestHeader } from '../protocol/codec/request-header.ts'
import { encodeResponse } from '../protocol/codec/response.ts'
import { FrameReader } from './connection/frame-reader.ts'
import type { ScriptedConnection } from './scripted-connection-fixture.ts'

const PORT = 9092
const FRAME_BYTES_MAX = 1 << 20

/** Serves at port 9092 of a host, where `metadataAnswer` says that its brokers are: `b0`, `b1`, … */
export async function serveScript(
  simulation: Simulation,
  host: string,
  script: ScriptedConnection,
): Promise<void> {
  const answer = async (socket: Socket, frame: Buffer): Promise<void> => {
    const reader = new ByteReader(frame)
    const { api, correlationId, version } = decodeRequestHeader(reader)
    const response = await script.send(api, decodeRequest(api, version, reader), { version })
    socket.write(encodeResponse(api, version, correlationId, response))
  }
  const { net } = simulation.host(host).platform
  await net.listen({ host: '0.0.0.0', port: PORT }, (socket) => {
    let last: Promise<void> = Promise.resolve()
    const frames = new FrameReader(FRAME_BYTES_MAX, (frame) => {
      const own = Buffer.from(frame)
      last = last.then(() => answer(socket, own))
    })
    socket.start({ data: (bytes) => frames.push(bytes), drain() {}, close() {} })
  })
}
