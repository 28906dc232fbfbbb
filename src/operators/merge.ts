import type { OperatorSpec } from './operator.ts'

/** Several streams as one. */
export function mergeOperator(inputCount: number): OperatorSpec {
  return {
    kind: 'merge',
    stores: [],
    outputDelayMs: 0,
    timely: true,
    keyed: false,
    create: (_name, _context, output) => ({ inputs: Array.from({ length: inputCount }, () => output) }),
  }
}
