/** What is listed once and used elsewhere: error codes and connectors. */
import type { Fault } from './fault.ts'
import type { Source } from './source.ts'

const REGISTER = 'src/core/error-register.ts'
const CONNECTORS = 'src/connectors/register.ts'

/** Every code is raised or matched somewhere in src/ or bin/, and documented; every documented one exists. */
export function checkErrorCodes(
  sources: readonly Source[],
  codes: readonly string[],
  page: string,
): readonly Fault[] {
  const faults: Fault[] = []
  const used = new Set(
    sources
      .filter(({ path }) => /^(src|bin)\//.test(path) && path !== REGISTER && !path.endsWith('.test.ts'))
      .flatMap(({ uncommented }) => uncommented.match(/\bMR_[A-Z_]+\b/g) ?? []),
  )
  const documented = new Set(page.match(/\bMR_[A-Z_]+\b/g) ?? [])
  const register = sources.find(({ path }) => path === REGISTER)
  const lineOf = (code: string): number => {
    const lines = register?.text.split('\n') ?? []
    return 1 + lines.findIndex((line) => line.includes(`${code}:`))
  }
  for (const code of codes) {
    const fault = { path: REGISTER, line: lineOf(code) }
    if (!used.has(code)) {
      faults.push({
        ...fault,
        what: `${code} is raised nowhere in src/`,
        instead: 'raise it, or take it out',
      })
    }
    if (!documented.has(code)) {
      faults.push({
        ...fault,
        what: `${code} is not in docs/reference/errors.md`,
        instead: 'run: npm run docs',
      })
    }
  }
  for (const code of documented) {
    if (codes.includes(code)) continue
    faults.push({
      path: 'docs/reference/errors.md',
      line: 1,
      what: `${code} does not exist`,
      instead: 'run: npm run docs',
    })
  }
  return faults
}

/** Every folder of src/connectors/ has its line in the register, once there is one. */
export function checkConnectors(sources: readonly Source[]): readonly Fault[] {
  const register = sources.find(({ path }) => path === CONNECTORS)
  if (register === undefined) return []
  const folders = new Set(
    sources
      .map(({ path }) => /^src\/connectors\/([^/]+)\/[^/]/.exec(path)?.[1])
      .filter((name): name is string => name !== undefined),
  )
  const faults: Fault[] = []
  for (const folder of folders) {
    if (new RegExp(`['"]\\./${folder}/`).test(register.uncommented)) continue
    faults.push({
      path: CONNECTORS,
      line: 1,
      what: `src/connectors/${folder}/ is not in the register`,
      instead: `add a line that imports './${folder}/index.ts'`,
    })
  }
  return faults
}
