/** Which queries of which panels an expectation is about: `*` stands for any text. */
import type { PanelExpected } from '../scenario/scenario.ts'

export interface NamedQuery {
  readonly dashboard: { readonly uid: string; readonly title: string }
  readonly panel: { readonly title: string }
  /** Undefined: the panel as a whole. */
  readonly refId?: string | undefined
}

export function isAbout(
  expected: Pick<PanelExpected, 'dashboard' | 'panel'> & { readonly refId?: string | undefined },
  { dashboard, panel, refId }: NamedQuery,
): boolean {
  return (
    (matchesPattern(expected.dashboard, dashboard.uid) || matchesPattern(expected.dashboard, dashboard.title)) &&
    matchesPattern(expected.panel, panel.title) &&
    (expected.refId === undefined || refId === undefined || expected.refId === refId)
  )
}

export function matchesPattern(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text)
}
