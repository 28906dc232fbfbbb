import type { JSX } from 'preact'
import type { FlowPart } from '../../../src/server/flow.ts'
import { formatDuration } from '../format.ts'

/** What came up at the start, where, and how long it took. */
export function PartsTable({ parts }: { readonly parts: readonly FlowPart[] }): JSX.Element {
  return (
    <table class="parts-table">
      <thead>
        <tr>
          <th scope="col">Part</th>
          <th scope="col">Where</th>
          <th scope="col" class="number">
            Ready in
          </th>
        </tr>
      </thead>
      <tbody>
        {parts.map((part) => (
          <tr key={part.name}>
            <th scope="row">{part.name}</th>
            <td>{part.detail}</td>
            <td class="number">{formatDuration(part.readyMs)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
