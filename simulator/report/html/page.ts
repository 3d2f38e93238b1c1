/**
 * The frame of every page: one file, no request. The content security policy allows this very script and nothing else,
 * so that a hostile text that slipped through the escaping still could not run.
 */
import { createHash } from 'node:crypto'
import { type Content, html, Markup } from './markup.ts'
import { pageScript } from './script.ts'
import { pageStyle } from './style.ts'

export interface Page {
  readonly title: string
  /** Where this page stands, for the bar at the top. */
  readonly trail: Content
  /** Parts of the page by the ids of their sections. */
  readonly parts: readonly { readonly id: string; readonly title: string }[]
  readonly body: Content
  readonly version: string
}

export function renderPage({ title, trail, parts, body, version }: Page): string {
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-${hashOf(pageScript)}'`
  const style = new Markup(`<style>${pageStyle}</style>`)
  const script = new Markup(`<script>${pageScript}</script>`)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Firedrill ${version}">
<title>${title}</title>
<link rel="icon" href="${icon}">
${style}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="bar"><div class="wide">
<span class="brand"><svg viewBox="0 0 16 16" aria-hidden="true"><path d="${flame}"/></svg>Firedrill</span>
<span class="trail">${trail}</span>
<button type="button" id="theme" hidden aria-label="Switch between light and dark"><span aria-hidden="true">◐</span></button>
</div></header>
<main id="main" class="wide">
${body}
</main>
${
  parts.length > 0 &&
  html`<nav class="parts" aria-label="Parts of this page"><div class="wide">${parts.map(
    ({ id, title: name }) => html`<a href="#${id}">${name}</a>`,
  )}</div></nav>`
}
<footer class="wide">Made by Firedrill ${version}. Times are minutes and seconds since the start of the drill.</footer>
${script}
</body>
</html>
`.text
}

const flame =
  'M8.2 0.6c.5 2.3-.6 3.6-1.9 5C5 7 3.6 8.4 3.6 10.7c0 2.7 2 4.7 4.5 4.7s4.4-1.9 4.4-4.5c0-1.6-.7-2.9-1.5-4-.3.9-.8 1.5-1.5 1.9C10 6 10 2.700 8.200.600z'
const icon = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#c8442b" d="${flame}"/></svg>`)}`

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64')
}
