/** What a pipeline can be written with, read from the source: public methods, and the functions given to them. */
import { readFileSync } from 'node:fs'

const source = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')

/** Those of a pipeline that a user writes; `plan` is for what runs it. */
const files = ['pipeline', 'stream', 'table', 'grouped', 'table-grouped', 'cogrouped', 'pattern']
const notWritten = ['plan']

/** By file of src/dsl: methods that are neither private nor internal. They begin with two spaces and their name. */
export function operatorMethods(): readonly (readonly [string, readonly string[]])[] {
  return files.map((file) => {
    const names = new Set<string>()
    let comment = ''
    for (const line of source(`dsl/${file}.ts`).split('\n')) {
      if (/^ {2}\/\*\*/.test(line)) comment = line
      else if (/^ {3}\*/.test(line)) comment += line
      const [, name] = /^ {2}([a-z]\w*)[<(]/.exec(line) ?? []
      if (name === undefined || name === 'constructor' || notWritten.includes(name)) continue
      if (!comment.includes('@internal')) names.add(name)
      comment = ''
    }
    return [file, [...names]]
  })
}

/** Windows, aggregators, assemblies and the like: functions that index.ts exports of src/dsl and src/operators. */
export function operatorFunctions(): readonly string[] {
  const exports = source('index.ts').matchAll(/^export \{([^}]*)\} from '\.\/(?:dsl|operators)\//gm)
  return [...exports]
    .flatMap(([, names]) => names!.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type ') && /^[a-z]/.test(name))
}
