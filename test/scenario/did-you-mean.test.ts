/** Suggestions: near ones are made, far ones are not. */
import { describe, expect, it } from 'vitest'
import { didYouMean, nearestOf } from '../../simulator/scenario/did-you-mean.ts'

const services = ['backend-api', 'ml-engine', 'data-pipeline']

describe('a suggestion', () => {
  it.each([
    ['ml-engin', 'ml-engine'],
    ['ML-Engine', 'ml-engine'],
    ['backend', 'backend-api'],
    ['pipeline', 'data-pipeline'],
    ['mlengine', 'ml-engine'],
  ])('for "%s" is "%s"', (word, wanted) => {
    expect(nearestOf(word, services)).toBe(wanted)
    expect(didYouMean(word, services)).toBe(`did you mean "${wanted}"?`)
  })

  it.each(['gremlins', 'x', '', 'x'.repeat(5000)])('is not made for what is far from everything (%#)', (word) => {
    expect(didYouMean(word, services)).toBeUndefined()
  })
})
