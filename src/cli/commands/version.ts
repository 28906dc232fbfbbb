/** `millrace version`: the versions of everything that runs. */
import type { CommandContext } from '../command.ts'
import { version } from '../version.ts'

export async function run(context: CommandContext): Promise<void> {
  const { nodeVersion, platform } = context.process
  const facts = { millrace: version(), node: nodeVersion, platform }
  const { output } = context
  if (output.format === 'table')
    output.raw(`millrace ${facts.millrace}  node ${facts.node}  ${facts.platform}\n`)
  else output.one(facts)
}
