/** The server-side assignors: one line each. */
import type { GroupAssignor } from './assignor.ts'
import { rangeAssignor } from './range.ts'
import { uniformAssignor } from './uniform.ts'

export const groupAssignors: readonly GroupAssignor[] = [uniformAssignor, rangeAssignor]
