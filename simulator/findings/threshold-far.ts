/**
 * The measured half of threshold-not-tested (`--deep`): the smallest fault that fires the rule was found, and what the
 * expression read there is far from the number that rule or text state.
 */
import type { Finding } from '../drill/drill-result.ts'
import { formatKnob } from '../threshold/knobs.ts'
import type { ThresholdMeasurement } from '../threshold/measure-threshold.ts'
import { thresholdNotTested } from './threshold-not-tested.ts'

/** Between the number and what is read there, when the rule fires, and when it is still silent. */
const factorMax = 1.5

/** @param where of the rule @returns undefined when the number is tested, or when that can't be told */
export function thresholdFar(measured: ThresholdMeasurement, where: string): Finding | undefined {
  const { rule, scenario, knob, firesFrom, silentAt, monotone, readOut, readOutSilent, threshold, stated } = measured
  const number = stated?.value ?? threshold?.value
  // How long a fault lasts says something about `for` and windows, not about the number.
  if (knob.parameter === 'hold' || !monotone || !number) return undefined
  if (firesFrom === null || silentAt === null || readOut === null) return undefined
  // The left side may have no value at all while the rule is silent: then something else than the number decides.
  const reads = [readOut, ...(readOutSilent === null ? [] : [readOutSilent])]
  const isPast = reads.every((read) => read / number > factorMax)
  const isShort = reads.every((read) => read / number < 1 / factorMax)
  if (!isPast && !isShort) return undefined
  const show = (value: number) => String(Number(value.toPrecision(3)))
  const says = stated ? `its text says ${stated.text}` : `the rule says ${threshold!.operator} ${threshold!.value}`
  const name = `${knob.event}.${knob.parameter}`
  return {
    code: thresholdNotTested.code,
    severity: thresholdNotTested.severity,
    where,
    message: `${rule} fires far from its number: ${says}`,
    evidence: `in ${scenario} it fires from ${name} ${formatKnob(firesFrom, knob.unit)} on, where the expression reads ${show(readOut)}; at ${formatKnob(silentAt, knob.unit)} it is silent and reads ${readOutSilent === null ? 'nothing' : show(readOutSilent)}`,
  }
}
