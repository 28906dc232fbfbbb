/** The pages of the console: one line for each, in the order of the navigation. */
import type { JSX } from 'preact'
import { FlowPage } from '../flow/flow-page.tsx'
import { flow } from '../live/live.ts'

export interface Page {
  /** In the address: `#/flow`. */
  readonly name: string
  readonly title: string
  /** After `g`. */
  readonly key: string
  /** 16 by 16, as an SVG path. */
  readonly icon: string
  readonly render: () => JSX.Element
}

export const pages: readonly Page[] = [
  {
    name: 'flow',
    title: 'Flow',
    key: 'f',
    icon: 'M1.5 3.5h4v3.5h-4zM1.5 9.5h4v3h-4zM10.5 6.2h4v3.6h-4zM5.5 5.2c3 0 2 2.8 5 2.8M5.5 11c3 0 2-3 5-3',
    render: () => <FlowPage model={flow} />,
  },
]
