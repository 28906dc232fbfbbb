/** Where the repository is, what files it has, and running its tools. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

const notSource = new Set(['node_modules', 'dist', '.git', '.cache', '.millrace'])

/** Paths, from the root and with slashes, of all files under a folder that `wanted` takes; in order. */
export function filesUnder(folder: string, wanted: (file: string) => boolean): readonly string[] {
  const found: string[] = []
  const walk = (relative: string): void => {
    const absolute = path.join(root, relative)
    if (!fs.existsSync(absolute)) return
    for (const entry of fs.readdirSync(absolute, { withFileTypes: true })) {
      const file = relative === '' ? entry.name : `${relative}/${entry.name}`
      if (entry.isDirectory() && !notSource.has(entry.name)) walk(file)
      else if (entry.isFile() && wanted(file)) found.push(file)
    }
  }
  walk(folder)
  return found.sort()
}

export interface ToolResult {
  readonly code: number
  readonly output: string
  readonly ms: number
}

/** Runs a JavaScript program of the repository (by its path from the root) and collects what it prints. */
export async function runTool(program: string, parameters: readonly string[]): Promise<ToolResult> {
  const startMs = performance.now()
  const child = spawn(process.execPath, [path.join(root, program), ...parameters], { cwd: root })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      output += text
    })
  }
  const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 1)))
  return { code, output, ms: performance.now() - startMs }
}

/** Runs a program of the repository on this terminal; gives its exit status. */
export async function showTool(program: string, parameters: readonly string[]): Promise<number> {
  const file = path.join(root, program)
  const child = spawn(process.execPath, [...process.execArgv, file, ...parameters], {
    cwd: root,
    stdio: 'inherit',
  })
  return new Promise((resolve) => child.on('close', (status) => resolve(status ?? 1)))
}

export const tools = {
  tsc: 'node_modules/typescript/bin/tsc',
  vite: 'node_modules/vite/bin/vite.js',
  biome: 'node_modules/@biomejs/biome/bin/biome',
} as const
