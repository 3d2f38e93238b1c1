/** Failures and findings as workflow commands of GitHub Actions: they appear at the line of the file that is meant. */
import type { DrillResult, Finding } from '../../drill/drill-result.ts'
import type { RunFinding } from '../../findings/look-for-findings.ts'
import { failuresOf, type PlaceOf } from './failures.ts'

/** More are not shown by GitHub for one step; the rest is counted. */
const annotationsMax = 50

/** @returns lines for standard output */
export function githubAnnotations(
  results: readonly DrillResult[],
  findings: readonly RunFinding[],
  placeOf: PlaceOf,
): string[] {
  const lines: string[] = []
  for (const { drill, what, detail } of failuresOf(results)) {
    const place = placeOf(drill, what)
    lines.push(command('error', place, `${drill}: ${what}`, detail))
  }
  for (const { severity, code, where, message, evidence } of findings) {
    const text = evidence === '' ? message : `${message}: ${evidence}`
    lines.push(command(levelOf[severity], placeIn(where), code, text))
  }
  if (lines.length <= annotationsMax) return lines
  const more = lines.length - annotationsMax + 1
  return [...lines.slice(0, annotationsMax - 1), command('notice', undefined, 'firedrill', `and ${more} more`)]
}

const levelOf: Readonly<Record<Finding['severity'], string>> = { info: 'notice', warning: 'warning', error: 'error' }

function command(
  level: string,
  place: { file: string; line: number } | undefined,
  title: string,
  message: string,
): string {
  const where = place ? `file=${property(place.file)},line=${place.line},` : ''
  return `::${level} ${where}title=${property(title)}::${data(message)}`
}

/** From `file:line`; undefined when the finding has no such place. */
export function placeIn(where: string): { file: string; line: number } | undefined {
  const match = /^(.+?):(\d+)(?::\d+)?$/.exec(where)
  return match ? { file: match[1]!, line: Number(match[2]) } : undefined
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
