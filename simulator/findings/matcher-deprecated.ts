/** `match:` and its kin still work; Alertmanager announces that they will go. */
import type { FindingDefinition } from './finding.ts'

export const matcherDeprecated: FindingDefinition = {
  code: 'matcher-deprecated',
  severity: 'warning',
  title: 'a key of alertmanager.yml that is going away',
  *inFiles({ alertmanager }) {
    for (const { place, key, instead } of alertmanager?.deprecated ?? []) {
      yield {
        where: place,
        message: `${key} is deprecated`,
        evidence: `Alertmanager has ${instead} for it since ${key.endsWith('intervals') ? '0.24' : '0.22'}`,
      }
    }
  },
}
