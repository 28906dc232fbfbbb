/**
 * A small registry for tests of what real ones do not do on demand: to fail, to be slow, to answer nonsense, to know
 * GUIDs. It speaks HTTP over any platform's network and never checks a schema.
 */
import { createHash } from 'node:crypto'
import type { ListenOptions, Net, NetServer, Socket } from '../platform/net.ts'

interface StoredBody {
  readonly schema: string
  readonly schemaType?: string
  readonly references?: unknown
}

export interface FakeRequest {
  readonly method: string
  readonly path: string
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** Bytes as they are, a status with JSON, or nothing at all. */
export type FakeAnswer = Buffer | { readonly status: number; readonly json: unknown } | 'silence' | 'cut'

export class FakeRegistry {
  readonly requests: FakeRequest[] = []
  /** Is asked first; undefined leaves the answer to the registry. */
  script: (request: FakeRequest) => FakeAnswer | undefined = () => undefined
  givesGuids = true
  private readonly schemas: StoredBody[] = []
  private readonly versions = new Map<string, number[]>()
  private readonly sockets = new Set<Socket>()
  private server: NetServer | undefined

  async listen(net: Net, options: Partial<ListenOptions> = {}): Promise<number> {
    this.server = await net.listen({ host: '127.0.0.1', port: 0, ...options }, (socket) => this.serve(socket))
    return this.server.port
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await this.server?.close()
  }

  /** Puts a schema there without a request; gives its id. */
  put(subject: string, body: StoredBody): number {
    const text = JSON.stringify(body)
    let index = this.schemas.findIndex((one) => JSON.stringify(one) === text)
    if (index < 0) index = this.schemas.push(body) - 1
    const versions = this.versions.get(subject) ?? []
    if (!versions.includes(index)) this.versions.set(subject, [...versions, index])
    return index + 1
  }

  guidOf(id: number): string {
    const hex = createHash('md5')
      .update(JSON.stringify(this.schemas[id - 1]))
      .digest('hex')
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }

  private serve(socket: Socket): void {
    let bytes = Buffer.alloc(0)
    this.sockets.add(socket)
    socket.start({
      data: (more) => {
        bytes = Buffer.concat([bytes, more])
        const request = requestOf(bytes)
        if (request === undefined) return
        bytes = Buffer.alloc(0)
        this.requests.push(request)
        const answer = this.script(request) ?? this.answer(request)
        if (answer === 'silence') return
        if (answer === 'cut') return socket.destroy()
        socket.write(Buffer.isBuffer(answer) ? answer : httpBytes(answer.status, JSON.stringify(answer.json)))
        socket.end()
      },
      drain: () => {},
      close: () => this.sockets.delete(socket),
    })
  }

  private answer({ body, method, path }: FakeRequest): FakeAnswer {
    const parts = path.replace(/\?.*/, '').split('/').slice(1).map(decodeURIComponent)
    const [room, first = '', kind, last] = parts
    if (room === 'schemas' && first === 'ids') return this.schemaAnswer(Number(kind))
    if (room === 'schemas' && first === 'guids') {
      return this.schemaAnswer(1 + this.schemas.findIndex((_, index) => this.guidOf(index + 1) === kind))
    }
    if (room === 'subjects' && first === '') return { status: 200, json: [...this.versions.keys()] }
    if (room !== 'subjects') return notFound(404, 'HTTP 404 Not Found')
    if (method === 'POST' && kind === 'versions') {
      const id = this.put(first, JSON.parse(body) as StoredBody)
      return { status: 200, json: { id, ...(this.givesGuids && { guid: this.guidOf(id) }) } }
    }
    const versions = this.versions.get(first)
    if (versions === undefined) return notFound(40401, `Subject '${first}' not found.`)
    if (method === 'POST') {
      const at = versions.findIndex((index) => JSON.stringify(this.schemas[index]) === body)
      return at < 0 ? notFound(40403, 'Schema not found') : this.versionAnswer(first, at + 1)
    }
    if (last === undefined) return { status: 200, json: versions.map((_, at) => at + 1) }
    return this.versionAnswer(first, last === 'latest' ? versions.length : Number(last))
  }

  private schemaAnswer(id: number): FakeAnswer {
    const found = this.schemas[id - 1]
    return found === undefined ? notFound(40403, 'Schema not found') : { status: 200, json: found }
  }

  private versionAnswer(subject: string, version: number): FakeAnswer {
    const index = this.versions.get(subject)?.[version - 1]
    if (index === undefined) return notFound(40402, `Version ${version} not found.`)
    const id = index + 1
    const guid = this.givesGuids ? { guid: this.guidOf(id) } : {}
    return { status: 200, json: { subject, version, id, ...guid, ...this.schemas[index] } }
  }
}

function requestOf(bytes: Buffer): FakeRequest | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = bytes.toString('utf8', 0, end).split('\r\n')
  const [method = '', path = ''] = first.split(' ')
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    }),
  )
  const length = Number(headers.get('content-length') ?? 0)
  const start = end + 4
  if (bytes.length - start < length) return undefined
  return { method, path, headers, body: bytes.toString('utf8', start, start + length) }
}

const notFound = (code: number, message: string): FakeAnswer => ({
  status: 404,
  json: { error_code: code, message },
})

/** A whole response with a body of known length. */
export function httpBytes(status: number, body: string): Buffer {
  const head = `HTTP/1.1 ${status} Any\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
  return Buffer.from(head + body, 'utf8')
}
