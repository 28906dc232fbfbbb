/** `npm run build`: what is published: JavaScript and types in dist/, the console in console/dist/. */
import fs from 'node:fs'
import path from 'node:path'
import { buildConsole } from '../console.ts'
import { root, runTool, type ToolResult, tools } from '../repository.ts'

function show(result: ToolResult): boolean {
  process.stdout.write(result.output)
  return result.code === 0
}

fs.rmSync(path.join(root, 'dist'), { recursive: true, force: true })
const types = show(await runTool(tools.tsc, ['-p', 'tsconfig.build.json']))
const console = await buildConsole()
process.exitCode = types && (console === undefined || show(console)) ? 0 : 1
