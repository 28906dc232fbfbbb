/**
 * Keys and values of control records: the markers that end a transaction in a partition, and the record with
 * which a new leader of the metadata log begins. Key and value stand behind their version (an int16), except
 * that LeaderChangeMessage carries its version as a field too.
 */
import { array, int16, int32, struct, uuid } from '../schema/fields.ts'
import { defineMessage } from '../schema/message.ts'

/** The key of every control record: type 0 aborts a transaction, 1 commits it, 2 announces a leader. */
export const controlRecordType = defineMessage({
  name: 'ControlRecordTypeSchema',
  versions: [0, 0],
  flexibleFrom: 'never',
  fields: {
    type: int16(),
  },
})

/** The value of a commit or abort marker. */
export const endTxnMarker = defineMessage({
  name: 'EndTxnMarker',
  versions: [0, 0],
  flexibleFrom: 'never',
  fields: {
    coordinatorEpoch: int32(),
  },
})

const voterFields = {
  voterId: int32(),
  voterDirectoryId: uuid({ since: 1 }),
}

/** The value of a leader change in the metadata log; v1 adds directory ids (KIP-853). */
export const leaderChangeMessage = defineMessage({
  name: 'LeaderChangeMessage',
  versions: [0, 1],
  flexibleFrom: 0,
  fields: {
    version: int16(),
    leaderId: int32(),
    voters: array(struct(voterFields)),
    grantingVoters: array(struct(voterFields)),
  },
})
