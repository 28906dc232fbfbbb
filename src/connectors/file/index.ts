/**
 * Sink `file`: JSON Lines files by topic and hour of event time, or as the path says; exactly once.
 *
 *     fileSink({ directory: 'out', path: '%{topic}/%Y-%m-%d/%H.jsonl' })
 *
 * The directory belongs to the sink: it keeps its manifest there, and refuses a directory with other files. A file
 * may be moved away when the manifest does not list it any more.
 */
import { defineSink, resolvePath } from '../../connector/index.ts'
import { FileSink } from './file-sink.ts'
import { fileOptions } from './options.ts'
import { PathTemplate } from './path-template.ts'

export const fileSink = defineSink({
  name: 'file',
  summary: 'Writes records to JSON Lines files, rolled by topic and event time, exactly once.',
  delivery: 'exactly-once',
  options: fileOptions,
  check(options) {
    new PathTemplate(options.path)
  },
  async open({ options, platform, baseDirectory }) {
    const directory = resolvePath(baseDirectory, options.directory)
    return new FileSink({ ...options, directory, disk: platform.disk })
  },
})

export default fileSink
