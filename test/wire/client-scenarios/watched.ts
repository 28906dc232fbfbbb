/**
 * A client whose requests are seen and whose connections can be cut, over whichever way a target is reached: a call
 * into this process, TCP, TLS.
 *
 * A cut is the worst kind: a request may have had its effect, and its answer never comes.
 */
import { ByteReader } from '../../../src/core/byte-reader.ts'
import { MillraceError } from '../../../src/core/errors.ts'
import type { Net, Socket } from '../../../src/platform/net.ts'
import type { Platform } from '../../../src/platform/platform.ts'
import { decodeRequest } from '../../../src/protocol/codec/request.ts'
import { decodeRequestHeader } from '../../../src/protocol/codec/request-header.ts'
import type { Connection, SendOptions } from '../../../src/protocol/connection.ts'
import type { AnyApi, RequestInput, RequestOf, ResponseOf } from '../../../src/protocol/schema/message.ts'
import type { Reach } from './scenario.ts'

const LENGTH_BYTES = 4

export class Watched {
  /** How the client reaches the brokers while it is watched. */
  readonly reach: Reach & { readonly platform: Platform }
  private readonly seen: { readonly api: AnyApi; readonly request: unknown }[] = []
  private readonly open = new Set<() => void>()
  private silent = false

  constructor(platform: Platform, reach: Reach) {
    const { connect } = reach
    this.reach = {
      ...reach,
      ...(connect !== undefined && { connect: async () => this.call(await connect()) }),
      platform: { ...platform, net: this.net(platform.net) },
    }
  }

  /** All requests of one API so far, in order. */
  requests<A extends AnyApi>(api: A): RequestOf<A>[] {
    return this.seen.filter((one) => one.api.key === api.key).map(({ request }) => request as RequestOf<A>)
  }

  /** Cuts every connection there is. */
  cut(): void {
    for (const end of [...this.open]) end()
  }

  /** From now on nothing reaches a broker, and nothing tells of it. For targets over a network only. */
  mute(): void {
    this.silent = true
  }

  private net(net: Net): Net {
    return {
      ...net,
      connect: async (options) => {
        const socket = await net.connect(options)
        const end = (): void => socket.destroy()
        this.open.add(end)
        return {
          remote: socket.remote,
          peerName: socket.peerName,
          start: (events) =>
            socket.start({
              ...events,
              close: (error) => {
                this.open.delete(end)
                events.close(error)
              },
            }),
          write: (bytes) => {
            this.see(bytes)
            return this.silent || socket.write(bytes)
          },
          writeAll: (pieces, taken) => {
            this.see(Buffer.concat(pieces))
            return this.silent || socket.writeAll(pieces, taken)
          },
          queuedBytes: () => socket.queuedBytes(),
          pause: () => socket.pause(),
          resume: () => socket.resume(),
          end: () => socket.end(),
          destroy: () => socket.destroy(),
        } satisfies Socket
      },
    }
  }

  /** The client writes one whole frame at a time. */
  private see(bytes: Uint8Array): void {
    const reader = new ByteReader(Buffer.from(bytes.subarray(LENGTH_BYTES)))
    const { api, version } = decodeRequestHeader(reader)
    this.seen.push({ api, request: decodeRequest(api, version, reader) })
  }

  private call(inner: Connection): Connection {
    const lost = Promise.withResolvers<never>()
    lost.promise.catch(() => {})
    let closed = false
    const end = (): void => {
      closed = true
      this.open.delete(end)
      lost.reject(new MillraceError('MR_CONNECTION_LOST', 'the connection was cut'))
    }
    this.open.add(end)
    const send = <A extends AnyApi>(
      api: A,
      request: RequestInput<A>,
      options?: SendOptions,
    ): Promise<ResponseOf<A>> => {
      this.seen.push({ api, request })
      return Promise.race([inner.send(api, request, options), lost.promise])
    }
    return {
      send,
      get closed() {
        return closed || inner.closed
      },
      close: async () => {
        end()
        await inner.close()
      },
    }
  }
}
