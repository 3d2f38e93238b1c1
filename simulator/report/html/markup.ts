/**
 * Markup from templates. Everything put into a template is escaped unless it is markup itself: names, rule texts and log
 * lines come from files and services, and none of them may become a tag, an attribute or a script.
 */

export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type Content = Markup | string | number | false | null | undefined | readonly Content[]

export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(strings.reduce((text, part, i) => text + render(values[i - 1]) + part))
}

/** Text in which what stands between backticks is code. */
export function prose(text: string): Content {
  const parts = text.split('`')
  // One that nothing closes is a character like others.
  const open = parts.length % 2 === 0 ? [`\`${parts.pop()}`] : []
  return [...parts.map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part)), ...open]
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

function render(content: Content): string {
  if (content === null || content === undefined || content === false) return ''
  if (content instanceof Markup) return content.text
  if (typeof content === 'string') return escapeHtml(content)
  return typeof content === 'number' ? String(content) : content.map(render).join('')
}
