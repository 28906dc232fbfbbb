/**
 * Reads what an aggregator needs of a value before the aggregate's operator is given it.
 *
 * Functions of the user fail for some values, and such a record goes to the dead letters. By then an operator may have
 * joined sessions, begun a window, or added to one aggregator of several. So everything that can fail comes first.
 */
import type { Aggregator } from './aggregator.ts'
import type { Operator, OperatorContext, OperatorSpec, Receiver } from './operator.ts'

/** A value, and what was found of it. One object per operator, filled anew for each record. */
interface Found {
  value: unknown
  found: unknown
}

/** The aggregate that `make` builds around an aggregator, such that the aggregator's functions are called first. */
export function readFirst(
  aggregator: Aggregator<unknown, unknown, unknown>,
  make: (aggregator: Aggregator<unknown, unknown, unknown>) => OperatorSpec,
): OperatorSpec {
  const { reading } = aggregator
  if (reading === undefined) return make(aggregator)
  const spec = make({
    ...aggregator,
    add: (state, value, key) =>
      reading.add(state, isThere(value) ? (value as Found).found : reading.read(value, key), key),
  })
  return {
    ...spec,
    create(name, context, output) {
      const late: OperatorContext['late'] = (record) =>
        context.late({ ...record, value: givenValue(record.value) })
      const operator = spec.create(name, { ...context, late }, output)
      const current: Found = { value: undefined, found: undefined }
      const inputs = operator.inputs.map(
        (input): Receiver => ({
          process(key, value, timestampMs, before) {
            // Some operators pass a record without a value over.
            if (!isThere(value)) return input.process(key, value, timestampMs, before)
            current.found = reading.read(value, key)
            current.value = value
            input.process(key, current, timestampMs, before)
          },
        }),
      )
      return timed(inputs, operator)
    },
  }
}

function givenValue(late: unknown): unknown {
  return isThere(late) ? (late as Found).value : late
}

function isThere(value: unknown): boolean {
  return value !== null && value !== undefined
}

/** An operator with other inputs. */
function timed(inputs: readonly Receiver[], operator: Operator): Operator {
  const { nextDeadlineMs, advance } = operator
  return nextDeadlineMs === undefined || advance === undefined
    ? { inputs }
    : { inputs, nextDeadlineMs: nextDeadlineMs.bind(operator), advance: advance.bind(operator) }
}
