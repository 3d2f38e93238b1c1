/** What is wrong with a call is told at once, all of it, before anything runs. */
import { describe, expect, test } from 'vitest'
import { InputError, JudgeError, runDrill, runDrills, type ScenarioObject } from '../../simulator/api/main.ts'

const quiet: ScenarioObject = {
  format: 1,
  scenario: 'quiet',
  title: 'Nothing happens',
  clock: { length: '10m' },
  world: 'recommender-small',
  load: [{ perSecond: 1 }],
}

async function problemsOf(promise: Promise<unknown>): Promise<string[]> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof InputError)) throw error ?? new Error('was accepted')
  return error.message.split('\n')
}

describe('options', () => {
  test('unknown and missing keys are named with what was meant', async () => {
    expect(await problemsOf(runDrill({ scenaro: 'service-down', seed: -1 } as never))).toEqual([
      'options of runDrill seed: must be at least 0, but is -1',
      'options of runDrill scenario: is missing; text or URL',
      'options of runDrill scenaro: is not a known key (did you mean "scenario"?)',
    ])
  })

  test('a scenario that does not exist has its nearest neighbour in the message', async () => {
    expect(await problemsOf(runDrill({ scenario: 'servce-down' }))).toEqual([
      'servce-down: no scenario is called so, and there is no such file (did you mean "service-down"?)',
    ])
  })

  test('a pattern without rule files is a problem', async () => {
    expect(await problemsOf(runDrill({ scenario: quiet, rules: 'nowhere/*.yml' }))).toEqual([
      'nowhere/*.yml:1:1: no rule file is there',
    ])
  })

  test('no drill has the tags', async () => {
    expect(await problemsOf(runDrills({ scenarios: [quiet], tags: ['nobody'] }))).toEqual([
      'options tags: no scenario has these tags',
    ])
  })
})

describe('a scenario as an object', () => {
  test('is held to the same schema as a file, with every problem at once', async () => {
    const broken = {
      ...quiet,
      world: 'recomender-small',
      clock: { length: '9' },
      events: [{ id: 'a', fault: 'crash' }],
    }
    expect(await problemsOf(runDrill({ scenario: broken }))).toEqual([
      'scenario clock.length: "9" is not a duration: write for example 90s, 2m30s or 1h',
      expect.stringMatching(/^scenario world: there is no world "recomender-small"/),
      expect.stringMatching(/^scenario events\[0\]\.fault: "crash" is not known here/),
    ])
  })

  test('may only name alerts that the rules have', async () => {
    const expecting = { ...quiet, expect: { alerts: { ServiceDwn: 'may' as const } } }
    expect(await problemsOf(runDrill({ scenario: expecting }))).toEqual([
      'scenario expect.alerts.ServiceDwn: no rule has the alert "ServiceDwn" (did you mean "ServiceDown"?)',
    ])
  })
})

test('a judge that is not there is no wrong input, and no result', async () => {
  const call = runDrill({ scenario: quiet, judge: 'prometheus', prometheus: '/nowhere/prometheus' })
  await expect(call).rejects.toThrow(JudgeError)
  await expect(call).rejects.toThrow('/nowhere/prometheus is not a program')
})

test('who has aborted already gets the reason, and nothing runs', async () => {
  const signal = AbortSignal.abort(new Error('not today'))
  await expect(runDrill({ scenario: quiet, signal })).rejects.toThrow('not today')
})
