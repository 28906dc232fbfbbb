/** A way to one broker that can be cut, or stand still, in the middle of anything. */
import net from 'node:net'

export class FaultyWay {
  readonly port: number
  /** The port of the broker behind it. */
  target = 0
  private readonly server: net.Server
  private readonly pairs = new Set<readonly [net.Socket, net.Socket]>()
  private state: 'open' | 'cut' | 'clogged' = 'open'

  private constructor(server: net.Server) {
    this.server = server
    this.port = (server.address() as net.AddressInfo).port
    server.on('connection', (client) => this.join(client))
  }

  static async open(): Promise<FaultyWay> {
    // Half-open sockets: what one side has still to say arrives after the other has ended.
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new FaultyWay(server)
  }

  /** Resets every connection, and each new one, until `heal`. */
  cut(): void {
    this.state = 'cut'
    for (const [client, broker] of this.pairs) {
      client.resetAndDestroy()
      broker.resetAndDestroy()
    }
  }

  /** Keeps connections open, and moves nothing on them, until `heal`. */
  clog(): void {
    this.state = 'clogged'
    for (const pair of this.pairs) for (const socket of pair) socket.pause()
  }

  heal(): void {
    this.state = 'open'
    for (const pair of this.pairs) for (const socket of pair) socket.resume()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private join(client: net.Socket): void {
    if (this.state === 'cut') {
      client.resetAndDestroy()
      return
    }
    const broker = net.connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true })
    const pair = [client, broker] as const
    this.pairs.add(pair)
    relay(client, broker)
    relay(broker, client)
    const end = (): void => {
      this.pairs.delete(pair)
      client.destroy()
      broker.destroy()
    }
    client.on('close', end)
    broker.on('close', end)
    client.resume()
    if (this.state === 'clogged') for (const socket of pair) socket.pause()
  }
}

/** Not `pipe`: it would resume what is clogged. */
function relay(from: net.Socket, to: net.Socket): void {
  from.on('data', (bytes) => void to.write(bytes))
  from.on('end', () => to.end())
  from.on('error', () => {})
}
