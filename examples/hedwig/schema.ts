/** A click as a web server writes it down, and the type of it. */
import { z } from 'zod'

/** Times are whole milliseconds since the epoch, UTC. */
export const click = z.object({
  visitor: z.string().min(1),
  /** With everything behind the question mark. */
  page: z.string().startsWith('/'),
  /** The click is a booking. */
  booked: z.boolean(),
  /** When the visitor clicked, by the clock of the visitor's device. */
  atMs: z.int(),
  /** When the server took it in: a server's clicks are written down in this order. */
  receivedMs: z.int(),
  /** The server's name. */
  server: z.string(),
})

export type Click = z.infer<typeof click>
