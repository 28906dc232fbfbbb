import type { RightsCase } from './rights-case.ts'
import { rightsOfAdmin } from './rights-of-admin.ts'
import { rightsOfGroups } from './rights-of-groups.ts'
import { rightsOfRecords } from './rights-of-records.ts'

export const rightsTable: readonly RightsCase[] = [...rightsOfRecords, ...rightsOfGroups, ...rightsOfAdmin]
