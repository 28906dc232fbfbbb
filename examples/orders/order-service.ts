/**
 * Orders over HTTP, as the tutorial's orders service takes them:
 *
 *   POST /orders                  201 once the order is in the log and on the disk, with where it is; 503 if it cannot be
 *   GET /orders/{id}              the order as the order book has it; 404 while it has none
 *   GET /orders/{id}/validated    the order once it is VALIDATED or FAILED; 503 while it is neither
 *
 * Who has just written an order gives its place, `?partition=…&offset=…`, and gets 503 until the book is as far. With
 * `waitMs=10000` an answer that would be 503 or 404 is waited for (a long poll).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { type InputPosition, isMillraceError } from 'millrace'
import type { Producer } from 'millrace/kafka'
import { StoreRefusal } from './remote-store.ts'
import type { Order } from './services.ts'

const WAIT_MS_MAX = 60_000
const POLL_MS = 50
const BODY_BYTES_MAX = 64 * 1024

interface Found {
  readonly value: Order | undefined
  readonly position: readonly InputPosition[]
  readonly committed: boolean
}

export interface OrderServiceParts {
  readonly producer: Pick<Producer, 'send'>
  /** The order book: `millrace.store('order-book')` in the same process, `remoteStore(page, 'order-book')` elsewhere. */
  readonly orders: { get(id: string): Promise<Found> }
}

/** A server that is not listening yet. */
export function orderService(parts: OrderServiceParts): Server {
  return createServer((request, response) => {
    answer(parts, request, response).catch((error: unknown) => {
      const [status, body] = refusal(error)
      send(response, status, body)
    })
  })
}

async function answer(parts: OrderServiceParts, request: IncomingMessage, response: ServerResponse) {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
  if (request.method === 'POST' && pathname === '/orders') {
    const order = orderOf(await bodyOf(request))
    const { topic, partition, offset } = await parts.producer.send({
      topic: 'orders',
      key: order.id,
      value: JSON.stringify(order),
    })
    response.setHeader(
      'location',
      `/orders/${encodeURIComponent(order.id)}?partition=${partition}&offset=${offset}`,
    )
    send(response, 201, { topic, partition, offset })
    return
  }
  const [, id, validated] = /^\/orders\/([^/]+)(\/validated)?$/.exec(pathname) ?? []
  if (request.method !== 'GET' || id === undefined)
    throw new Refused(404, 'POST /orders, GET /orders/{id} or GET /orders/{id}/validated')
  const waitMs = Math.min(Number(searchParams.get('waitMs') ?? 0), WAIT_MS_MAX)
  if (!(waitMs >= 0)) throw new Refused(400, 'waitMs is a number of milliseconds')
  const deadlineMs = Date.now() + waitMs
  for (;;) {
    try {
      send(
        response,
        200,
        await orderFor(parts, decodeURIComponent(id), validated !== undefined, searchParams),
      )
      return
    } catch (error) {
      const [status] = refusal(error)
      if ((status !== 503 && status !== 404) || Date.now() >= deadlineMs) throw error
    }
    await setTimeout(POLL_MS)
  }
}

async function orderFor(
  parts: OrderServiceParts,
  id: string,
  validated: boolean,
  place: URLSearchParams,
): Promise<object> {
  const { value, position, committed } = await parts.orders.get(id)
  const offset = place.get('offset')
  const reached = position.find((at) => at.topic === 'orders' && `${at.partition}` === place.get('partition'))
  if (offset !== null && (reached?.offset ?? 0) <= Number(offset)) throw new Refused(503, 'not that far yet')
  if (value === undefined) throw new Refused(404, `no order ${id}`)
  if (validated && value.state === 'CREATED') throw new Refused(503, 'not decided yet')
  return { order: value, position, committed }
}

class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

function refusal(error: unknown): [status: number, body: object] {
  if (error instanceof Refused || error instanceof StoreRefusal)
    return [error.status, { error: error.message }]
  if (isMillraceError(error)) return [503, { error: error.message, hint: error.hint, code: error.code }]
  return [500, { error: 'the request failed' }]
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(status === 503 ? { 'retry-after': '1' } : {}),
  })
  response.end(JSON.stringify(body))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > BODY_BYTES_MAX) throw new Refused(413, `an order has at most ${BODY_BYTES_MAX} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

function orderOf(text: string): Order {
  let order: Partial<Order> | null
  try {
    order = JSON.parse(text) as Partial<Order> | null
  } catch {
    throw new Refused(400, 'the body is not JSON')
  }
  const { id, customer, product, quantity, price } = order ?? {}
  const whole =
    typeof id === 'string' &&
    id !== '' &&
    typeof customer === 'string' &&
    product !== undefined &&
    typeof quantity === 'number' &&
    typeof price === 'number'
  if (!whole) throw new Refused(400, 'an order has id, customer, product, quantity and price')
  return { id, customer, product, quantity, price, state: 'CREATED' }
}
