/**
 * What the topics of the demo hold: one schema per topic, and its type.
 *
 * Times are whole milliseconds since the epoch, UTC. Numbers are in the unit of the source, which the name
 * says. Null means that the source has no value (`NA`).
 */
import { z } from 'zod'

const flightIdentity = {
  /** `2013-01-01 UA 1545 EWR 0515`: scheduled day, carrier, flight number, origin, scheduled local time. */
  flightId: z.string(),
  /** Two letters or digits; names are in airlines.csv. */
  carrier: z.string(),
  flight: z.int(),
  /** EWR, JFK or LGA. */
  origin: z.string(),
  dest: z.string(),
}

/** A flight has left its gate. */
export const departed = z.object({
  ...flightIdentity,
  tailnum: z.string(),
  distanceMiles: z.int(),
  scheduledMs: z.int(),
  departedMs: z.int(),
  /** Negative when it left early. */
  departureDelayMinutes: z.int(),
})

/** A flight has reached a gate. */
export const arrived = z.object({
  ...flightIdentity,
  tailnum: z.string(),
  departedMs: z.int(),
  arrivedMs: z.int(),
  /** Null when the flight was diverted on its way. */
  arrivalDelayMinutes: z.int().nullable(),
  /** Null when the flight was diverted on its way. */
  airMinutes: z.int().nullable(),
})

/** A flight that never left. */
export const cancelled = z.object({
  ...flightIdentity,
  /** Null when no plane had been assigned. */
  tailnum: z.string().nullable(),
  distanceMiles: z.int(),
  scheduledMs: z.int(),
})

/** The weather at one of the three airports, hour by hour. */
export const weather = z.object({
  origin: z.string(),
  observedMs: z.int(),
  tempFahrenheit: z.number().nullable(),
  dewPointFahrenheit: z.number().nullable(),
  humidityPercent: z.number().nullable(),
  windDirectionDegrees: z.number().nullable(),
  windSpeedMph: z.number().nullable(),
  windGustMph: z.number().nullable(),
  precipInches: z.number().nullable(),
  pressureMillibars: z.number().nullable(),
  visibilityMiles: z.number().nullable(),
})

/** One entry of the register of planes. */
export const plane = z.object({
  tailnum: z.string(),
  /** The year it was built. */
  year: z.int().nullable(),
  type: z.string(),
  manufacturer: z.string(),
  model: z.string(),
  engines: z.int(),
  seats: z.int(),
  cruisingSpeedMph: z.int().nullable(),
  engine: z.string(),
})

export type Departed = z.infer<typeof departed>
export type Arrived = z.infer<typeof arrived>
export type Cancelled = z.infer<typeof cancelled>
export type Weather = z.infer<typeof weather>
export type Plane = z.infer<typeof plane>

/** The schema of each topic, by the topic's name. */
export const schemas = { departed, arrived, cancelled, weather, planes: plane } as const
