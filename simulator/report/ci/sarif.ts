/** Findings as SARIF 2.1.0, the format in which code scanning takes them. */
import { createHash } from 'node:crypto'
import type { Finding } from '../../drill/drill-result.ts'
import type { RunFinding } from '../../findings/look-for-findings.ts'
import { placeIn } from './github-annotations.ts'

const schema = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json'
const levels: Readonly<Record<Finding['severity'], string>> = { info: 'note', warning: 'warning', error: 'error' }

/** @param version of Firedrill */
export function sarifReport(findings: readonly RunFinding[], version: string): string {
  const codes = [...new Set(findings.map(({ code }) => code))].sort()
  const report = {
    $schema: schema,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'firedrill',
            semanticVersion: version,
            rules: codes.map((id) => ({ id, shortDescription: { text: id.replaceAll('-', ' ') } })),
          },
        },
        // The paths of the results are relative to where the run was started.
        originalUriBaseIds: { ROOT: { description: { text: 'the folder in which firedrill was started' } } },
        results: findings.map((finding) => resultOf(finding, codes)),
      },
    ],
  }
  return `${JSON.stringify(report, undefined, 2)}\n`
}

function resultOf({ code, severity, where, message, evidence, drills }: RunFinding, codes: readonly string[]) {
  const place = placeIn(where)
  const seen = seenIn(drills)
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: levels[severity],
    message: { text: `${message}. ${evidence}${evidence === '' ? '' : '. '}${place ? '' : `${where}. `}${seen}` },
    locations: place
      ? [
          {
            physicalLocation: {
              artifactLocation: uriOf(place.file),
              region: { startLine: place.line },
            },
          },
        ]
      : [],
    // The line moves with every edit; the finding stays the same one.
    partialFingerprints: {
      'firedrill/v1': createHash('sha256')
        .update(JSON.stringify([code, place?.file ?? where, message]))
        .digest('hex')
        .slice(0, 32),
    },
  }
}

function seenIn(drills: readonly string[]): string {
  if (drills.length === 0) return ''
  const more = drills.length > 3 ? ` and ${drills.length - 3} more drills` : ''
  return `Seen in ${drills.slice(0, 3).join(', ')}${more}.`
}

function uriOf(file: string): { uri: string; uriBaseId?: string } {
  const uri = file.split(/[/\\]/).map(encodeURIComponent).join('/')
  return file.startsWith('/') ? { uri: `file://${uri}` } : { uri, uriBaseId: 'ROOT' }
}
