/** Files that a user wrote: configs and pipelines, loaded as they are. */

/** The exports of a module; those of a JSON file are its value as `default`. */
export type ModuleExports = Readonly<Record<string, unknown>>

export interface LoadOptions {
  /** Reads the file, and what it imports by relative path, again, though it was loaded before. */
  readonly fresh?: boolean
}

export interface Modules {
  /**
   * Loads a `.ts`, `.mts`, `.js`, `.mjs` or `.json` file as an ES module, whatever the `type` of its package.
   * In it, `millrace` and `millrace/…` are the running copy of Millrace.
   *
   * @throws MR_CONFIG_NOT_FOUND; MR_CONFIG_INVALID with file:line:column and the lines around it
   */
  load(path: string, options?: LoadOptions): Promise<ModuleExports>
}
