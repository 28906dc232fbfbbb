import { type ErrorKind, errorRegister } from '../../src/core/error-register.ts'

const head = `# Error codes

<!-- Printed by \`npm run docs\` from src/core/error-register.ts. Do not edit. -->

Every error that Millrace raises has one of these codes in \`error.code\`, and the command line prints it last.
Match on the code, never on the text. *Retriable*: the same call may succeed later without a change by the
caller. *Exit*: the status with which a command ends on this error.

| code | means | retriable | exit |
|---|---|---|---|
`

/** docs/reference/errors.md. */
export function printErrors(): string {
  const row = ([code, kind]: [string, ErrorKind]): string =>
    `| \`${code}\` | ${kind.means.replaceAll('|', '\\|')} | ${kind.retriable ? 'yes' : 'no'} | ${kind.exit} |\n`
  return head + Object.entries<ErrorKind>(errorRegister).map(row).join('')
}
