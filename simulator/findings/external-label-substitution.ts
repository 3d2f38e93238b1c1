/** Prometheus replaces `${VAR}` and `$VAR` in external labels, and knows no shell: a default or a command is not understood. */
import type { FindingDefinition } from './finding.ts'

export const externalLabelSubstitution: FindingDefinition = {
  code: 'external-label-substitution',
  severity: 'error',
  title: 'an external label with a substitution that Prometheus does not do',
  *inFiles({ config }) {
    for (const { name, text, place } of config.externalLabelTexts) {
      const unsupported = /\$\{[^}]*[^}\w][^}]*\}|\$\([^)]*\)|\{\{[^}]*\}\}|`[^`]+`|%\w+%/.exec(text)?.[0]
      if (unsupported !== undefined) {
        const becomes = config.externalLabels[name] ?? ''
        yield {
          where: place,
          message: `the external label ${name} has ${unsupported}, which Prometheus does not replace as it is meant`,
          evidence: `"${text}" becomes "${becomes}"; only \${VAR} and $VAR are replaced, without defaults`,
        }
        continue
      }
      if (text !== '' && text !== config.externalLabels[name] && config.externalLabels[name] === '') {
        yield {
          where: place,
          message: `the external label ${name} is empty: the variable of "${text}" is not set here`,
          evidence: `"${text}" becomes ""; alerts and remote samples leave without it`,
          severity: 'warning',
        }
      }
    }
  },
}
