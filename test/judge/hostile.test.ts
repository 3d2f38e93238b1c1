/** Rules that somebody wrote to do harm, or by accident: bounded, with a message, and the engine answers on. */
import { describe, expect, test } from 'vitest'
import { createEmbeddedJudge } from '../../simulator/judge/embedded/embedded-judge.ts'
import { QueryError, TemplateError } from '../../simulator/judge/judge.ts'
import { testEngine } from '../drill/run-scenario.ts'

const engine = await testEngine()

describe('expressions', () => {
  const judge = createEmbeddedJudge(engine)
  const many = 'x'.padEnd(20_000, ' or x')

  test.each([
    ['brackets', `${'('.repeat(100_000)}1${')'.repeat(100_000)}`, 'nested deeper than 200 levels'],
    ['signs', `${'-'.repeat(100_000)}1`, 'nested deeper than 200 levels'],
    ['a chain of operators', many, 'more than 500 operators'],
    ['a megabyte of text', `x{a="${'b'.repeat(2_000_000)}"}`, 'longer than'],
  ])('too deep or too long: %s', async (_, expression, message) => {
    const asked = judge.query(expression, 0)
    await expect(asked).rejects.toThrow(QueryError)
    await expect(asked).rejects.toMatchObject({ limited: true, message: expect.stringContaining(message) })
    expect(() => engine.inspect(expression)).toThrow(message)
  })

  test('as deep as may be is evaluated', async () => {
    expect(await judge.query(`${'('.repeat(190)}1${')'.repeat(190)}`, 0)).toEqual({ type: 'scalar', value: 1 })
  })

  test('more points than fit into memory', async () => {
    await expect(judge.query('count_over_time(vector(1)[120d:1s])', 1e12)).rejects.toMatchObject({
      limited: true,
      message: expect.stringContaining('too many samples'),
    })
  }, 120_000)

  test('the engine answers on', async () => {
    expect(await judge.query('1 + 1', 0)).toEqual({ type: 'scalar', value: 2 })
  })
})

describe('templates', () => {
  const data = { labels: { job: 'a' }, externalLabels: {}, externalUrl: 'http://x', value: 1, timeMs: 0 }
  const judge = createEmbeddedJudge(engine)

  test.each([
    ['a loop without end', '{{ range 1000000000 }}{{ end }}', 'turns'],
    ['loops in loops', '{{ range 9999 }}{{ range 9999 }}{{ end }}{{ end }}', 'turns'],
    [
      'a recursion that doubles',
      '{{ define "a" }}{{ if lt (len .) 40 }}{{ template "a" (printf "%sx" .) }}{{ template "a" (printf "%sx" .) }}{{ end }}{{ end }}{{ template "a" "x" }}',
      'bytes',
    ],
    ['a text that doubles', '{{ $s := "x" }}{{ range 60 }}{{ $s = printf "%s%s" $s $s }}{{ end }}{{ $s }}', 'bytes'],
    ['a wide text', '{{ range 90000 }}{{ printf "%1000000d" 1 }}{{ end }}', 'bytes'],
    ['escapes of escapes', '{{ $s := "\\\\" }}{{ range 60 }}{{ $s = js $s }}{{ end }}', 'bytes'],
  ])('%s', async (_, template, message) => {
    const rendered = judge.renderText(template, data)
    await expect(rendered).rejects.toThrow(TemplateError)
    await expect(rendered).rejects.toThrow(message)
  })

  test.each([
    ['{{ range 3 }} x {{- end }}|{{ $labels.job }}', ' x x x|a'],
    ['{{ range 2 -}}  y{{ end }}', 'yy'],
    ['{{ range $i := 3 }}{{ $i }}{{ end }}{{/* range */}}', '012'],
    ['{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" "}}" }}', '<}}>'],
  ])('what ends is rendered as it is: %s', async (template, text) => {
    expect(await judge.renderText(template, data)).toBe(text)
  })
})

test('a rule file that is too large is refused', () => {
  expect(engine.checkRules(`groups: []\n${'#'.repeat(17_000_000)}`)).toEqual([
    { line: 1, column: 1, message: expect.stringContaining('larger than') },
  ])
})
