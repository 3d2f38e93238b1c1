/** Every finding that there is. A new one: a file here, its line in this list, and a page in docs/findings/. */
import { alertReachesNobody } from './alert-reaches-nobody.ts'
import { delayLongerThanStated } from './delay-longer-than-stated.ts'
import { divisionMatchesItself } from './division-matches-itself.ts'
import { duplicateCoverage } from './duplicate-coverage.ts'
import { evaluationFailed } from './evaluation-failed.ts'
import { externalLabelSubstitution } from './external-label-substitution.ts'
import type { FindingDefinition } from './finding.ts'
import { firesWhenIdle } from './fires-when-idle.ts'
import { firesWithoutFault } from './fires-without-fault.ts'
import { firstFailureMissed } from './first-failure-missed.ts'
import { inhibitionNeverMatches } from './inhibition-never-matches.ts'
import { labelNeverPresent } from './label-never-present.ts'
import { limitZeroReadAsFull } from './limit-zero-read-as-full.ts'
import { matcherDeprecated } from './matcher-deprecated.ts'
import { metricNotDocumented } from './metric-not-documented.ts'
import { metricNotUsed } from './metric-not-used.ts'
import { neverResolves } from './never-resolves.ts'
import { panelNeverMoves } from './panel-never-moves.ts'
import { panelNoData } from './panel-no-data.ts'
import { panelOneValue } from './panel-one-value.ts'
import { quantileBeyondBuckets } from './quantile-beyond-buckets.ts'
import { rateWindowTooShort } from './rate-window-too-short.ts'
import { receiverUnreachable } from './receiver-unreachable.ts'
import { recordingNameClash } from './recording-name-clash.ts'
import { routeShadowed } from './route-shadowed.ts'
import { ruleNotJudged } from './rule-not-judged.ts'
import { ruleUnreachable } from './rule-unreachable.ts'
import { selectorMatchesNothing } from './selector-matches-nothing.ts'
import { targetNotSimulated } from './target-not-simulated.ts'
import { thresholdNotTested } from './threshold-not-tested.ts'
import { variableNotExpanded } from './variable-not-expanded.ts'

export const findingDefinitions: readonly FindingDefinition[] = [
  alertReachesNobody,
  delayLongerThanStated,
  divisionMatchesItself,
  duplicateCoverage,
  evaluationFailed,
  externalLabelSubstitution,
  firesWhenIdle,
  firesWithoutFault,
  firstFailureMissed,
  inhibitionNeverMatches,
  labelNeverPresent,
  limitZeroReadAsFull,
  matcherDeprecated,
  metricNotDocumented,
  metricNotUsed,
  neverResolves,
  panelNeverMoves,
  panelNoData,
  panelOneValue,
  quantileBeyondBuckets,
  rateWindowTooShort,
  receiverUnreachable,
  recordingNameClash,
  routeShadowed,
  ruleNotJudged,
  ruleUnreachable,
  selectorMatchesNothing,
  targetNotSimulated,
  thresholdNotTested,
  variableNotExpanded,
]
