/** What is picked out in the drawing: the node in the side panel (in the address), and the one pointed at. */
import { computed, signal } from '@preact/signals'
import { route, setParameter } from '../shell/route.ts'

export const selectedId = computed(() => route.value.parameters['node'])

export const pointedId = signal<string | undefined>(undefined)

/** What the user types to find nodes; '' finds all. */
export const search = signal('')

export function select(id: string | undefined): void {
  setParameter('node', id)
}

/** True when the text is part of a node's label, group or kind. */
export function matches(
  node: { readonly label: string; readonly group: string; readonly kind: string },
  text: string,
): boolean {
  const wanted = text.trim().toLowerCase()
  return wanted === '' || `${node.label}\n${node.group}\n${node.kind}`.toLowerCase().includes(wanted)
}
