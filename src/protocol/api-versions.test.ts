import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ByteReader } from '../core/byte-reader.ts'
import { isMillraceError } from '../core/errors.ts'
import {
  announcedVersions,
  BrokerVersions,
  decodeApiVersionsResponse,
  highestCommonVersion,
} from './api-versions.ts'
import { apiVersions } from './apis/api-versions.ts'
import { fetch } from './apis/fetch.ts'
import { initProducerId } from './apis/init-producer-id.ts'
import { produce } from './apis/produce.ts'
import { apis } from './apis/register.ts'
import { decodeResponseHeader, encodeResponse } from './codec/response.ts'
import { ErrorCodes } from './error-codes.ts'

const announced = (minVersion: number, maxVersion: number) => ({ apiKey: 1, minVersion, maxVersion })

describe('choosing a version', () => {
  it('takes the highest in both ranges', () => {
    assert.equal(highestCommonVersion(fetch, announced(4, 18)), 18)
    assert.equal(highestCommonVersion(fetch, announced(0, 11)), 11)
    assert.equal(highestCommonVersion(fetch, announced(4, 99)), 18)
    assert.equal(highestCommonVersion(fetch, announced(0, 3)), undefined)
    assert.equal(highestCommonVersion(fetch, announced(19, 25)), undefined)
    assert.equal(highestCommonVersion(fetch, undefined), undefined)
  })

  it('leaves out versions under development', () => {
    assert.equal(initProducerId.versions[1], 6)
    assert.equal(highestCommonVersion(initProducerId, announced(0, 6)), 5)
  })

  it('says what each side speaks when there is none in common', () => {
    const broker = new BrokerVersions({
      apiKeys: [{ apiKey: 1, minVersion: 0, maxVersion: 3 }],
      finalizedFeatures: [{ name: 'transaction.version', minVersionLevel: 1, maxVersionLevel: 2 }],
    })
    assert.equal(broker.supports(fetch), false)
    assert.throws(
      () => broker.choose(fetch),
      (error) =>
        isMillraceError(error, 'MR_PROTOCOL_VERSION_UNSUPPORTED') &&
        error.message === 'no common version of Fetch: the broker speaks 0 to 3, this side 4 to 18',
    )
    assert.throws(() => broker.choose(produce), /the broker speaks nothing/)
    assert.equal(broker.featureLevel('transaction.version'), 2)
    assert.equal(broker.featureLevel('group.version'), 0)
  })

  it('can be held below a maximum', () => {
    const broker = new BrokerVersions({ apiKeys: announcedVersions([fetch]), finalizedFeatures: [] })
    assert.equal(broker.choose(fetch), 18)
    assert.equal(broker.choose(fetch, 12), 12)
    assert.equal(broker.choose(fetch, 99), 18)
    assert.throws(() => broker.choose(fetch, 3), /this side 4 to 3/)
  })
})

describe('the ApiVersions answer', () => {
  it('lists every API, Produce from version 0 on for librdkafka', () => {
    const list = announcedVersions(apis)
    assert.equal(list.length, apis.length)
    assert.deepEqual(list[0], { apiKey: 0, minVersion: 0, maxVersion: 13 })
    assert.deepEqual(list[1], { apiKey: 1, minVersion: 4, maxVersion: 18 })
    assert.equal(list.find((one) => one.apiKey === 22)?.maxVersion, 5)
  })

  it('of a broker that does not know the version is read as version 0', () => {
    const body = {
      errorCode: ErrorCodes.UNSUPPORTED_VERSION,
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 3 }],
    }
    const reader = new ByteReader(encodeResponse(apiVersions, 0, 9, body), 4)
    assert.equal(decodeResponseHeader(apiVersions, 4, reader), 9)
    const answer = decodeApiVersionsResponse(4, reader)
    assert.equal(answer.errorCode, 35)
    assert.equal(new BrokerVersions(answer).choose(apiVersions), 3)
  })

  it('in the version asked for carries features', () => {
    const features = [{ name: 'group.version', maxVersionLevel: 1, minVersionLevel: 1 }]
    const body = { errorCode: 0, apiKeys: [], finalizedFeaturesEpoch: 3n, finalizedFeatures: features }
    const reader = new ByteReader(encodeResponse(apiVersions, 4, 9, body), 8)
    assert.equal(new BrokerVersions(decodeApiVersionsResponse(4, reader)).featureLevel('group.version'), 1)
    assert.throws(
      () => decodeApiVersionsResponse(4, new ByteReader(Buffer.alloc(1))),
      (error) => isMillraceError(error, 'MR_PROTOCOL_REQUEST_INVALID'),
    )
  })
})
