/** Flume's interceptors. */
export { host } from './host.ts'
export { type GroupSerializer, regexExtractor } from './regex-extractor.ts'
export { regexFilter } from './regex-filter.ts'
export { removeHeader } from './remove-header.ts'
export { searchAndReplace } from './search-and-replace.ts'
export { staticHeader } from './static-header.ts'
export { timestamp } from './timestamp.ts'
export { uuid } from './uuid.ts'
