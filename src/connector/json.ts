/** What survives JSON unchanged: the form of positions and of options that come over REST. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject

export interface JsonObject {
  readonly [name: string]: Json
}
