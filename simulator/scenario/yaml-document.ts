/**
 * Reads YAML that people wrote: strict about everything that YAML readers disagree on, safe against hostile files, and
 * able to say for every value where it stands. Used for scenarios, worlds and prometheus.yml.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type YAMLError } from 'yaml'
import { type DataPath, type Finding, formatPath, orderProblems, type Problem, showValue } from './problem.ts'

export interface YamlDocument {
  readonly file: string
  readonly data: unknown
  /** Gives a finding its place. What does not exist stands where its nearest existing parent stands. */
  locate(finding: Finding): Problem
}

export interface YamlOptions {
  /** Bytes; 1 MB when left out. */
  readonly sizeMax?: number
  /**
   * Merge keys, `yes` and `off` as words, octal numbers: refused for our own formats, accepted as they are for those of
   * others. Default: refused.
   */
  readonly traps?: 'refuse' | 'accept'
}

export interface YamlResult {
  /** Undefined when the text cannot be read at all; then there are problems. */
  readonly document: YamlDocument | undefined
  readonly problems: readonly Problem[]
}

export const sizeMaxDefault = 1_000_000
const depthMax = 60
/** Bounds the work on one file, and what aliases can make of a small one; files of others (rules) may be longer. */
const valuesMax = { refuse: 10_000, accept: 300_000 } as const

/** Reads one YAML document. Never throws. */
export function readYaml(file: string, bytes: Uint8Array, options: YamlOptions = {}): YamlResult {
  const { text, problems } = decode(file, bytes, options.sizeMax ?? sizeMaxDefault)
  if (text === undefined) return { document: undefined, problems }
  const traps = options.traps ?? 'refuse'
  const tooDeep = findDeepNesting(text)
  if (tooDeep !== undefined) return refuse(file, text, tooDeep, problems)
  const tooMany = findTooMany(text, valuesMax[traps])
  if (tooMany !== undefined) {
    const problem = at(file, text, tooMany, `has more than ${valuesMax[traps]} values`)
    return { document: undefined, problems: orderProblems([...problems, problem]) }
  }
  try {
    return parse(file, text, traps, problems)
  } catch (error) {
    // The parser recurses; what the look at the text above has missed ends here.
    if (error instanceof RangeError) return refuse(file, text, 0, problems)
    throw error
  }
}

function refuse(file: string, text: string, offset: number, problems: readonly Problem[]): YamlResult {
  const problem = at(file, text, offset, `is nested more than ${depthMax} levels deep`)
  return { document: undefined, problems: orderProblems([...problems, problem]) }
}

/** Bytes as text, when they are text. @returns undefined when they can't be read; then there are problems */
export function decode(
  file: string,
  bytes: Uint8Array,
  sizeMax: number,
): { text: string | undefined; problems: Problem[] } {
  const whole = (message: string, hint?: string): Problem => ({ file, line: 1, column: 1, path: '', message, hint })
  if (bytes.length > sizeMax) {
    return { text: undefined, problems: [whole(`is larger than ${sizeMax} bytes, which is the most that is read`)] }
  }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return { text: undefined, problems: [whole('is UTF-16', 'save it as UTF-8')] }
  }
  const lossy = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  const wrongByte = firstDifference(bytes, Buffer.from(lossy))
  if (wrongByte !== undefined) {
    const before = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, wrongByte))
    const code = bytes[wrongByte]!.toString(16).padStart(2, '0')
    return {
      text: undefined,
      problems: [at(file, before, before.length, `byte 0x${code} is not UTF-8`, 'save it as UTF-8')],
    }
  }
  const problems: Problem[] = []
  let text = lossy
  if (text.startsWith('\uFEFF')) {
    problems.push(whole('starts with a byte order mark', 'save it as UTF-8 without one'))
    text = text.slice(1)
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.exec(text)
  if (control) {
    const code = control[0].charCodeAt(0)
    const what =
      code === 0 ? 'a NUL character' : `the control character U+${code.toString(16).padStart(4, '0').toUpperCase()}`
    problems.push(at(file, text, control.index, `contains ${what}`))
    return { text: undefined, problems }
  }
  return { text, problems }
}

function firstDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  if (a.length === b.length && Buffer.compare(a, b) === 0) return undefined
  let i = 0
  while (i < a.length && a[i] === b[i]) i += 1
  return i < a.length ? i : undefined
}

/** Counts what separates values, before any work is done on them. @returns the offset at which the limit is passed */
function findTooMany(text: string, limit: number): number | undefined {
  let count = 0
  for (const match of text.matchAll(/[,[{]|\n(?=[ \t]*[^\s#])/g)) {
    count += 1
    if (count > limit) return match.index
  }
  return undefined
}

/** @returns the offset at which flow brackets or dashes in a row pass the limit */
function findDeepNesting(text: string): number | undefined {
  const row = new RegExp(`(?:[-?:][ \\t]+){${depthMax},}`).exec(text)
  if (row) return row.index
  let depth = 0
  for (const match of text.matchAll(/(?:^|[ \t])#[^\n]*|[[{\]}]/gm)) {
    const character = match[0]
    if (character === '[' || character === '{') depth += 1
    else if (character === ']' || character === '}') depth = Math.max(0, depth - 1)
    if (depth > depthMax) return match.index
  }
  return undefined
}

function parse(file: string, text: string, traps: 'refuse' | 'accept', earlier: readonly Problem[]): YamlResult {
  const lines = new LineCounter()
  const merge = traps === 'accept'
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    merge,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  })
  if (!Array.isArray(documents) || documents.length === 0) {
    return { document: undefined, problems: [...earlier, at(file, text, 0, 'is empty')] }
  }
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const conflict = /^(?:<{7} |={7}$|>{7} )/m.exec(text)
  if (conflict && documents.some((document) => document.errors.length > 0)) {
    const message = 'a marker of a merge conflict stands here'
    return { document: undefined, problems: [...earlier, at(file, text, conflict.index, message)] }
  }
  const problems = [...earlier]
  for (const error of firstOfEach(documents.flatMap((document) => document.errors))) {
    problems.push({
      file,
      ...place(error.pos[0]),
      path: '',
      message: syntaxMessage(error),
      hint: syntaxHint(error),
    })
  }
  const second = documents[1]
  if (second) {
    problems.push({
      file,
      ...place(second.range[0]),
      path: '',
      message: 'a second document starts here; one file holds one',
      hint: undefined,
    })
  }
  // A broken text gives arbitrary data: further problems would mislead.
  if (documents.some((document) => document.errors.length > 0)) {
    return { document: undefined, problems: orderProblems(problems) }
  }
  const { contents } = documents[0]!
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    return { document: undefined, problems: orderProblems([...problems, at(file, text, 0, 'is empty')]) }
  }
  const reader = new NodeReader(contents as Node, traps)
  const data = reader.read(contents as Node, [], 0)
  const locate = (finding: Finding): Problem => ({
    file,
    ...place(reader.offsetOf(finding.path, finding.on)),
    path: formatPath(finding.path),
    message: finding.message,
    hint: finding.hint,
  })
  problems.push(...reader.findings.map((finding) => ({ ...locate(finding), ...place(finding.offset) })))
  const document = reader.tooMany ? undefined : { file, data, locate }
  return { document, problems: orderProblems(problems) }
}

interface Offsets {
  readonly key: number
  readonly value: number
}

/** Turns nodes into plain data, remembers where each stands, and finds what other YAML readers would read differently. */
class NodeReader {
  readonly findings: (Finding & { offset: number })[] = []
  readonly #anchors: ReadonlyMap<string, readonly Node[]>
  readonly #traps: 'refuse' | 'accept'
  readonly #offsets = new Map<string, Offsets>()
  readonly #valuesMax: number
  #values = 0

  constructor(root: Node, traps: 'refuse' | 'accept') {
    this.#anchors = findAnchors(root)
    this.#traps = traps
    this.#valuesMax = valuesMax[traps]
  }

  get tooMany(): boolean {
    return this.#values > this.#valuesMax
  }

  offsetOf(path: DataPath, on: 'key' | 'value'): number {
    for (let length = path.length; length >= 0; length -= 1) {
      const offsets = this.#offsets.get(JSON.stringify(path.slice(0, length)))
      if (offsets) return length === path.length && on === 'key' ? offsets.key : offsets.value
    }
    return 0
  }

  read(node: Node | null, path: DataPath, depth: number, keyOffset?: number): unknown {
    const offset = node?.range?.[0] ?? keyOffset ?? 0
    this.#values += 1
    const id = JSON.stringify(path)
    if (this.#values <= this.#valuesMax)
      this.#offsets.set(id, { key: keyOffset ?? offset, value: node === null ? (keyOffset ?? 0) : offset })
    if (this.#values === this.#valuesMax + 1)
      this.#report(path.slice(0, 1), offset, `has more than ${this.#valuesMax} values, aliases counted each time`)
    if (this.#values > this.#valuesMax || node === null) return null
    if (depth > depthMax) {
      this.#report(path, offset, `is nested more than ${depthMax} levels deep`)
      return null
    }
    if (isAlias(node)) return this.#readAlias(node.source, path, depth, offset)
    if (node.tag !== undefined && isExplicitTag(node))
      this.#report(path, offset, `tags are not accepted: ${node.tag.replace('tag:yaml.org,2002:', '!!')}`)
    if (isSeq(node)) return node.items.map((item, i) => this.read(item as Node | null, [...path, i], depth + 1))
    if (isMap(node)) return this.#readMap(node.items, path, depth)
    return isScalar(node) ? this.#readScalar(node.value, node.source, node.type === 'PLAIN', path, offset) : null
  }

  #readAlias(name: string, path: DataPath, depth: number, offset: number): unknown {
    // An anchor may be used again: the latest before the alias counts.
    const target = this.#anchors.get(name)?.findLast((node) => startOf(node) < offset)
    if (target === undefined) {
      this.#report(path, offset, `no anchor is called "${name}"`)
      return null
    }
    if ((target.range?.[2] ?? 0) > offset) {
      this.#report(path, offset, `the alias "${name}" stands inside of what it stands for`)
      return null
    }
    return this.read(target, path, depth + 1)
  }

  #readMap(items: readonly { key: unknown; value: unknown }[], path: DataPath, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {}
    const merged: unknown[] = []
    for (const item of items) {
      const keyNode = item.key as Node | null
      const offset = keyNode?.range?.[0] ?? 0
      const key = this.#keyOf(keyNode, path, offset)
      if (key === undefined) continue
      if (Object.hasOwn(result, key)) {
        this.#report([...path, key], offset, 'this key stands here twice')
        continue
      }
      const value = this.read(item.value as Node | null, [...path, key], depth + 1, offset)
      if (key === '<<' && isPlain(keyNode)) merged.push(...(Array.isArray(value) ? value : [value]))
      else result[key] = value
    }
    // What is written out goes before what is merged in, and an earlier mapping before a later one.
    return Object.assign({}, ...merged.toReversed(), result)
  }

  #keyOf(node: Node | null, path: DataPath, offset: number): string | undefined {
    if (!isScalar(node)) {
      this.#report(path, offset, 'a key must be a word')
      return undefined
    }
    const key = node.source ?? String(node.value)
    if (key === '__proto__') {
      this.#report(path, offset, `the key "${key}" is not accepted`)
      return undefined
    }
    if (node.value === null) {
      this.#report(path, offset, 'a key is empty')
      return undefined
    }
    if (key === '<<' && isPlain(node) && this.#traps === 'refuse') {
      this.#report([...path, key], offset, 'merge keys are not accepted', 'write the keys out')
      return undefined
    }
    return key
  }

  #readScalar(value: unknown, source: string | undefined, plain: boolean, path: DataPath, offset: number): unknown {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      this.#report(path, offset, `must be a number that can be written out, but is ${source}`)
      return 0
    }
    if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
      this.#report(path, offset, `${source} has more digits than can be kept`)
      return value
    }
    if (!plain || source === undefined || this.#traps === 'accept') return value
    if (/^(?:y|n|yes|no|on|off)$/i.test(source)) {
      const meant = /^(?:y|yes|on)$/i.test(source) ? 'true' : 'false'
      this.#report(
        path,
        offset,
        `${showValue(source)} is a word to some YAML readers and ${meant} to others`,
        `write "${source}" in quotes, or ${meant}`,
      )
    } else if (/^[-+]?0[0-9_]+$/.test(source)) {
      this.#report(
        path,
        offset,
        `${source} is octal to some YAML readers and decimal to others`,
        `write ${Number(source)}, or "${source}" in quotes`,
      )
    } else if (/^[-+]?0[ox]/i.test(source) && typeof value === 'number') {
      this.#report(path, offset, `numbers are written in decimal, but this is ${source}`, `write ${value}`)
    }
    return value
  }

  #report(path: DataPath, offset: number, message: string, hint?: string): void {
    this.findings.push({ path, on: 'value', message, hint, offset })
  }
}

function isPlain(node: Node | null): boolean {
  return isScalar(node) && node.type === 'PLAIN'
}

function findAnchors(root: unknown): Map<string, Node[]> {
  const anchors = new Map<string, Node[]>()
  const waiting: unknown[] = [root]
  while (waiting.length > 0) {
    const node = waiting.pop() as (Node & { anchor?: string }) | null
    if (isMap(node)) for (const item of node.items) waiting.push(item.key, item.value)
    else if (isSeq(node)) waiting.push(...node.items)
    if (node?.anchor) anchors.set(node.anchor, [...(anchors.get(node.anchor) ?? []), node])
  }
  for (const nodes of anchors.values()) nodes.sort((a, b) => startOf(a) - startOf(b))
  return anchors
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0
}

function isExplicitTag(node: Node): boolean {
  return (
    !['tag:yaml.org,2002:map', 'tag:yaml.org,2002:seq', 'tag:yaml.org,2002:str'].includes(node.tag ?? '') ||
    isScalar(node)
  )
}

/** The parser's words, made into a sentence about the file. */
function syntaxMessage(error: YAMLError): string {
  const message = error.message.split('\n')[0]!.replace(/\.$/, '')
  if (error.code === 'TAB_AS_INDENT') return 'a tab is used as indentation'
  if (/call stack/i.test(message)) return 'is nested too deeply'
  const quote = /^Missing closing (["'])quote/.exec(message)
  if (quote) return `a quote (${quote[1]}) is opened and never closed`
  const token = /^Unexpected (\S+) token in YAML stream: (.*)$/.exec(message)
  if (token) return `unexpected ${token[2]}`
  const bracket = /must be (?:sufficiently|indented).* end with a ([\]}])$/.exec(message)
  if (bracket) return `a ${bracket[1] === ']' ? '[' : '{'} is opened and never closed`
  return lowerFirst(message)
}

function syntaxHint(error: YAMLError): string | undefined {
  if (error.code === 'TAB_AS_INDENT') return 'use spaces'
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY') return 'put text that contains ": " in quotes'
  return undefined
}

/** One wrong character makes the parser stumble over the rest of its line, too. */
function firstOfEach(errors: readonly YAMLError[]): YAMLError[] {
  const first = errors.find((error) => error.code === 'UNEXPECTED_TOKEN')
  return errors.filter((error) => error.code !== 'UNEXPECTED_TOKEN' || error === first)
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function at(file: string, text: string, offset: number, message: string, hint?: string): Problem {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  const line = before.split('\n').length
  return { file, line, column: offset - lineStart + 1, path: '', message, hint }
}
