/** Runs the findings over files, drills and runs, and makes one list of it: each once, the worst first. */
import type { Finding } from '../drill/drill-result.ts'
import type { DrillSubject, FilesSubject, FindingDefinition, Noticed, RunSubject } from './finding.ts'
import { findingDefinitions } from './index.ts'

/** A finding of a run; the same one in several drills is one. */
export interface RunFinding extends Finding {
  /** Names of the drills that show it; empty: the files alone do. */
  readonly drills: readonly string[]
}

/** A finding that the owner of the files knows and accepts. */
export interface IgnoredFinding {
  readonly code: string
  /** Part of the place or of the message, for example the name of the rule; undefined: all of this code. */
  readonly where?: string | undefined
  readonly reason: string
}

export interface RunFindings {
  readonly findings: readonly RunFinding[]
  readonly ignored: readonly (RunFinding & { readonly reason: string })[]
  /** Entries of the list of ignored findings to which nothing belongs any more. */
  readonly needless: readonly IgnoredFinding[]
}

export function findingsInDrill(subject: DrillSubject): Finding[] {
  return findingDefinitions.flatMap((definition) => named(definition, definition.inDrill?.(subject)))
}

export function findingsInFiles(subject: FilesSubject): Finding[] {
  return findingDefinitions.flatMap((definition) => named(definition, definition.inFiles?.(subject)))
}

/** What the files show, what each drill has shown already, and what only all drills together show. */
export function findingsInRun(subject: RunSubject, ignore: readonly IgnoredFinding[] = []): RunFindings {
  const inRun = findingDefinitions.flatMap((definition) => named(definition, definition.inRun?.(subject)))
  const all = [
    ...findingsInFiles(subject).map((finding) => ({ finding, drill: undefined })),
    ...subject.results.flatMap(({ scenario, findings }) => findings.map((finding) => ({ finding, drill: scenario }))),
    ...inRun.map((finding) => ({ finding, drill: undefined })),
  ]
  return setAside(joined(all), ignore)
}

const severities = ['error', 'warning', 'info'] as const

/** Whether one of the findings is at least as severe. */
export function reaches(findings: readonly Finding[], severity: Finding['severity']): boolean {
  return findings.some((finding) => severities.indexOf(finding.severity) <= severities.indexOf(severity))
}

function named({ code, severity }: FindingDefinition, noticed: Iterable<Noticed> | undefined): Finding[] {
  return [...(noticed ?? [])].map((one) => ({
    code,
    severity: one.severity ?? severity,
    where: one.where,
    message: one.message,
    evidence: one.evidence,
  }))
}

function joined(all: readonly { finding: Finding; drill: string | undefined }[]): RunFinding[] {
  const byKey = new Map<string, { finding: Finding; evidence: string[]; drills: string[] }>()
  for (const { finding, drill } of all) {
    const key = JSON.stringify([finding.code, finding.where, finding.message])
    const before = byKey.get(key)
    if (!before) {
      byKey.set(key, { finding, evidence: [finding.evidence], drills: drill === undefined ? [] : [drill] })
      continue
    }
    if (drill !== undefined && !before.drills.includes(drill)) before.drills.push(drill)
    // Files say why, drills say how much: one example of each is enough.
    if (before.evidence.length < 2 && drill === undefined && !before.evidence.includes(finding.evidence)) {
      before.evidence.push(finding.evidence)
    }
  }
  return [...byKey.values()]
    .map(({ finding, evidence, drills }) => ({ ...finding, evidence: evidence.join('; '), drills }))
    .sort(
      (a, b) =>
        severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
        compare(a.code, b.code) ||
        compareWhere(a.where, b.where) ||
        compare(a.message, b.message),
    )
}

function setAside(findings: readonly RunFinding[], ignore: readonly IgnoredFinding[]): RunFindings {
  const ignored: (RunFinding & { reason: string })[] = []
  const used = new Set<IgnoredFinding>()
  const kept = findings.filter((finding) => {
    const entry = ignore.find(
      ({ code, where }) =>
        code === finding.code &&
        (where === undefined || finding.where.includes(where) || finding.message.includes(where)),
    )
    if (!entry) return true
    used.add(entry)
    ignored.push({ ...finding, reason: entry.reason })
    return false
  })
  return { findings: kept, ignored, needless: ignore.filter((entry) => !used.has(entry)) }
}

/** Lines in the order of their numbers. */
function compareWhere(a: string, b: string): number {
  const [, fileA = a, lineA = '0'] = /^(.*):(\d+)$/.exec(a) ?? []
  const [, fileB = b, lineB = '0'] = /^(.*):(\d+)$/.exec(b) ?? []
  return compare(fileA, fileB) || Number(lineA) - Number(lineB)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
