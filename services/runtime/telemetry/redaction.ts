/**
 * Keeps secrets out of what is logged and traced: fields by their name, and what a secret looks like inside of any text.
 * A net below careful code, not a replacement for it: a password in a field called "note" gets through.
 */

export const redacted = '[redacted]'

/** Whole words of a name: `apiKey`, `api_key` and `X-Api-Key` are one, `tokens_used` is none. */
const secretNames =
  /(^|_)(password|passwd|passphrase|pwd|secret|token|jwt|authorization|cookie|credentials?|session_key|(api|access|private|secret|signing|encryption)_?key|dsn|connection_string)$/

/** What a secret looks like: a scheme of Authorization, a password inside of a URL, a JSON Web Token, a key of a known maker. */
const secretTexts: readonly (readonly [RegExp, string])[] = [
  [/\b(authorization["']?\s*[:=]\s*["']?)([A-Za-z]+\s+)?[^\s"',;]+/gi, `$1${redacted}`],
  // Words follow "basic" too; what is encoded has a digit or a capital letter.
  [/\b([Bb]earer|BEARER|[Bb]asic|BASIC)\s+(?=[\w.~+/=-]*[A-Z0-9])[\w.~+/=-]{8,}/g, `$1 ${redacted}`],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s/@]+@/gi, `$1${redacted}@`],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, redacted],
  [/\b(AKIA[0-9A-Z]{16}|gh[pousr]_\w{30,}|xox[abprs]-[\w-]{10,}|sk_(live|test)_\w{16,})/g, redacted],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, redacted],
]
/** One look that most texts do not pass, before five that cost more. */
const suspicious = /bearer|basic|authorization|:\/\/|eyJ|AKIA|gh[pousr]_|xox|sk_|-----BEGIN/i

const depthMax = 6
const verdicts = new Map<string, boolean>()
/** Names of fields are few; who makes them from data must not fill the memory with them. */
const verdictsMax = 5_000

/** @param name of a field, a header or an attribute, in any spelling */
export function isSecretName(name: string): boolean {
  let secret = verdicts.get(name)
  if (secret === undefined) {
    const words = name
      .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replaceAll(/[^A-Za-z0-9]+/g, '_')
      .toLowerCase()
    secret = secretNames.test(words)
    if (verdicts.size < verdictsMax) verdicts.set(name, secret)
  }
  return secret
}

export function redactText(text: string): string {
  if (!suspicious.test(text)) return text
  return secretTexts.reduce((current, [pattern, replacement]) => current.replaceAll(pattern, replacement), text)
}

/** @returns `fields` itself when there is nothing to hide; else a copy, never a change of what belongs to the caller */
export function redactFields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  let copy: Record<string, unknown> | undefined
  for (const name in fields) {
    const value = fields[name]
    const shown = isSecretName(name) && value !== undefined && value !== null ? redacted : redactValue(value, 1)
    if (shown === value) continue
    copy ??= { ...fields }
    copy[name] = shown
  }
  return copy ?? fields
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value !== 'object' || value === null || depth > depthMax) return value
  if (Array.isArray(value)) {
    const shown = value.map((item) => redactValue(item, depth + 1))
    return shown.some((item, i) => item !== value[i]) ? shown : value
  }
  // Errors, dates and other classes say by themselves how they are written.
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  let copy: Record<string, unknown> | undefined
  for (const [name, item] of Object.entries(value)) {
    const shown = isSecretName(name) && item !== undefined && item !== null ? redacted : redactValue(item, depth + 1)
    if (shown === item) continue
    copy ??= { ...(value as Record<string, unknown>) }
    copy[name] = shown
  }
  return copy ?? value
}
