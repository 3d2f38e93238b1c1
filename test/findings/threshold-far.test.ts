/** A rule that fires where it says is no finding; one that fires far from its number is one. */
import { expect, test } from 'vitest'
import { thresholdFar } from '../../simulator/findings/threshold-far.ts'
import type { ThresholdMeasurement } from '../../simulator/threshold/measure-threshold.ts'

const knob = { event: 'errors', parameter: 'ratio', nothing: 0, current: 0.2, most: 1, unit: 'number', step: 0.0005 }

function measured(more: Partial<ThresholdMeasurement>): ThresholdMeasurement {
  return {
    rule: 'HighErrors',
    scenario: 'high-error-rate',
    knob: knob as ThresholdMeasurement['knob'],
    firesFrom: 0.053,
    silentAt: 0.051,
    monotone: true,
    probes: [],
    readOut: 0.051,
    readOutSilent: 0.053,
    threshold: { operator: '>', value: 0.05 },
    stated: { value: 0.05, text: '5%' },
    firesAfter: [300, 330],
    ...more,
  }
}

test('a rule that fires at its number is right', () => {
  expect(thresholdFar(measured({}), 'rules.yml:4')).toBeUndefined()
})

test('a rule whose expression reads twice the number of its text when it fires is told, with what was read', () => {
  const finding = thresholdFar(measured({ stated: { value: 0.02, text: '2%' } }), 'rules.yml:4')
  expect(finding).toMatchObject({ code: 'threshold-not-tested', where: 'rules.yml:4' })
  expect(finding!.evidence).toContain('fires from errors.ratio 0.053 on, where the expression reads 0.051')
})

test('a rule that fires long before its number is told', () => {
  expect(thresholdFar(measured({ stated: { value: 0.1, text: '10%' } }), 'rules.yml:4')).toBeDefined()
})

test('a rule that reads nothing until it fires far past its number is told', () => {
  const finding = thresholdFar(measured({ readOut: 0.3, readOutSilent: null }), 'rules.yml:4')
  expect(finding!.evidence).toContain('it is silent and reads nothing')
})

test.each<[string, Partial<ThresholdMeasurement>]>([
  ['the read-out jumps over the number', { readOut: 0.2, readOutSilent: 0.04 }],
  ['only the length of the fault was turned', { knob: { ...knob, parameter: 'hold' } as ThresholdMeasurement['knob'] }],
  ['more of the fault does not mean more', { monotone: false }],
  ['it never fired', { firesFrom: null }],
  ['there is no number', { stated: null, threshold: null }],
])('nothing is said when %s', (_, more) => {
  const far = { stated: { value: 0.01, text: '1%' }, ...more }
  const isJump = more.readOut !== undefined
  expect(thresholdFar(measured(isJump ? more : far), 'rules.yml:4')).toBeUndefined()
})
