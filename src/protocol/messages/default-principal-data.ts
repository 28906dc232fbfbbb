import { bool, string } from '../schema/fields.ts'
import { defineMessage } from '../schema/message.ts'

/** A principal as one broker forwards it to another. */
export const defaultPrincipalData = defineMessage({
  name: 'DefaultPrincipalData',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    type: string(),
    name: string(),
    tokenAuthenticated: bool(),
  },
})
