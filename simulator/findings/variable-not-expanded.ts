/** Alertmanager replaces no environment variables in its file: `${SLACK_URL}` is sent to as it is written. */
import type { FindingDefinition } from './finding.ts'

const addressKeys =
  /(?:^|_)(?:url|urls|link|host|smarthost|api|endpoint|key|token|secret|password|channel|to|from|webhook)s?$/

export const variableNotExpanded: FindingDefinition = {
  code: 'variable-not-expanded',
  severity: 'error',
  title: 'a variable in alertmanager.yml, which replaces none',
  *inFiles({ alertmanager }) {
    for (const { place, key, text } of alertmanager?.addresses ?? []) {
      const variable = /\$\{[^}]+\}|\$[A-Z][A-Z0-9_]+|%[A-Z_]+%/.exec(text.replaceAll(/\{\{.*?\}\}/g, ''))?.[0]
      if (variable === undefined || !addressKeys.test(key)) continue
      yield {
        where: place,
        message: `${key} has ${variable}, which Alertmanager does not replace`,
        evidence: `it is used as written: "${text}"; a secret goes into a file (${key.replace(/_file$/, '')}_file)`,
      }
    }
  },
}
