/** What a page says: labels and annotations, rendered by Prometheus's own templates, and whether anything is missing. */
import { type Judge, type Labels, TemplateError } from '../judge/judge.ts'
import type { Rule } from './load-rules.ts'

export interface TextContext {
  readonly judge: Judge
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  /** Told what is about to be rendered, in case that it never ends. */
  readonly onActivity?: ((what: string) => void) | undefined
}

export interface RenderedText {
  readonly annotations: Readonly<Record<string, string>>
  /** What is missing or could not be rendered; empty when the text is complete. */
  readonly gaps: readonly string[]
}

export function hasTemplate(text: string): boolean {
  return text.includes('{{')
}

/** Renders the templates of a rule's labels. A template that fails gives its error, as in Prometheus. */
export async function renderLabels(
  rule: Rule,
  sampleLabels: Labels,
  value: number,
  timeMs: number,
  context: TextContext,
): Promise<Record<string, string>> {
  const labels: Record<string, string> = {}
  for (const [name, template] of Object.entries(rule.labels)) {
    context.onActivity?.(`label ${name} of ${rule.name} (${rule.place})`)
    labels[name] = await render(template, sampleLabels, value, timeMs, context)
  }
  return labels
}

export async function renderAnnotations(
  rule: Rule,
  sampleLabels: Labels,
  value: number,
  timeMs: number,
  context: TextContext,
): Promise<RenderedText> {
  const annotations: Record<string, string> = {}
  const gaps: string[] = []
  for (const [name, template] of Object.entries(rule.annotations)) {
    let text: string
    context.onActivity?.(`annotation ${name} of ${rule.name} (${rule.place})`)
    try {
      text = hasTemplate(template)
        ? await context.judge.renderText(template, { labels: sampleLabels, value, timeMs, ...external(context) })
        : template
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      gaps.push(`${name} can't be rendered: ${error.message}`)
      annotations[name] = `<error expanding template: ${error.message}>`
      continue
    }
    annotations[name] = text
  }
  return { annotations, gaps: [...gaps, ...gapsOf(rule, annotations, sampleLabels)] }
}

/** What is missing in a text, wherever it was rendered. */
export function gapsOf(rule: Rule, annotations: Labels, sampleLabels: Labels): string[] {
  const gaps: string[] = []
  for (const [name, template] of Object.entries(rule.annotations)) {
    const text = annotations[name] ?? ''
    if (text.startsWith('<error expanding template')) continue
    if (text.trim() === '') gaps.push(`${name} is blank`)
    else if (text.includes('<no value>')) gaps.push(`${name} says "<no value>"`)
    else if (text.includes('{{')) gaps.push(`${name} is not rendered`)
    for (const label of labelsOf(template)) {
      if (!sampleLabels[label]) gaps.push(`${name} refers to the label ${label}, which the alert does not have`)
    }
  }
  if (annotations.summary === undefined && annotations.description === undefined) {
    gaps.push('there is neither a summary nor a description')
  }
  return gaps
}

async function render(
  template: string,
  labels: Labels,
  value: number,
  timeMs: number,
  context: TextContext,
): Promise<string> {
  if (!hasTemplate(template)) return template
  try {
    return await context.judge.renderText(template, { labels, value, timeMs, ...external(context) })
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    return `<error expanding template: ${error.message}>`
  }
}

function external({ externalLabels, externalUrl }: TextContext) {
  return { externalLabels, externalUrl }
}

/** Labels that a template names. (An absent one renders as nothing at all, so the text alone does not tell.) */
export function labelsOf(template: string): string[] {
  const names = new Set<string>()
  for (const match of template.matchAll(/(?:\$labels|\.Labels)\.(\w+)|index\s+(?:\$labels|\.Labels)\s+"([^"]+)"/g)) {
    names.add((match[1] ?? match[2])!)
  }
  return [...names]
}
