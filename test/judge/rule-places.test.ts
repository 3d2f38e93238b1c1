/** A mistake in a rule file is reported at the very character, however the text is quoted, folded and indented. */
import { expect, test } from 'vitest'
import { testEngine } from '../drill/run-scenario.ts'

const engine = await testEngine()

/** The caret stands under the character that is meant; its line is taken out. */
function marked(text: string): { file: string; line: number; column: number } {
  const lines = text.split('\n')
  const at = lines.findIndex((line) => line.trim() === '^')
  return { file: lines.filter((_, i) => i !== at).join('\n'), line: at, column: lines[at]!.indexOf('^') + 1 }
}

test.each([
  [
    'a plain expression',
    'unexpected <op:*>',
    `groups:
  - name: g
    rules:
      - alert: A
        expr: sum(x) > * 5
                       ^
`,
  ],
  [
    'a block',
    'unknown function with name "rat"',
    `groups:
  - name: g
    rules:
      - alert: A
        expr: |
          sum by (job) (
            rat(x[5m])
            ^
          ) > 5
`,
  ],
  [
    'a folded block',
    'expected type range vector',
    `groups:
  - name: g
    rules:
      - record: a
        expr: >-
          sum(x)
          / rate(y)
                 ^
`,
  ],
  [
    'double quotes',
    'unexpected right parenthesis',
    `groups:
  - name: g
    rules:
      - alert: A
        expr: "x{job=\\"a\\"} > 1)"
                                ^
`,
  ],
  [
    'a flow mapping with single quotes',
    'unknown function',
    `groups:
  - name: g
    rules:
      - { alert: A, expr: 'label_join(x) or nope(x{a=''b''})' }
                                            ^
`,
  ],
  [
    'an annotation over several lines',
    'function "humanise" not defined',
    `groups:
  - name: g
    rules:
      - alert: A
        expr: x
        annotations:
          summary: fine
          description: |
            The rate is
            {{ $value | humanise }} now.
                        ^
`,
  ],
  [
    'a label',
    'undefined variable "$label"',
    `groups:
  - name: g
    rules:
      - alert: A
        expr: x
        labels:
          team: "{{ $labels.team }}{{ $label.x }}"
                                      ^
`,
  ],
  [
    'a block that is not closed',
    'unexpected EOF',
    `groups:
  - name: g
    rules:
      - alert: A
        expr: x
        annotations: { summary: '{{ if gt $value 1.0 }}high' }
                                 ^
`,
  ],
  [
    'a key that is not known',
    'field exprr not found',
    `groups:
  - name: g
    rules:
      - alert: A
        exprr: x
        ^
`,
  ],
  [
    'a duration',
    'duration',
    `groups:
  - name: g
    rules:
      - alert: A
        for: 5 minutes
             ^
        expr: x
`,
  ],
])('%s', (_, message, text) => {
  const { file, line, column } = marked(text)
  const problems = engine.checkRules(file)
  expect(problems.map((problem) => `${problem.line}:${problem.column}`)).toContain(`${line}:${column}`)
  expect(problems.map((problem) => problem.message).join('\n')).toContain(message)
})

test('several mistakes are told at once', () => {
  const problems = engine.checkRules(
    'groups:\n- name: g\n  rules:\n  - { alert: A, expr: "x >" }\n  - { alert: B, expr: x, annotations: { a: "{{ nope }}" } }\n',
  )
  expect(problems.map(({ line, message }) => [line, message])).toEqual([
    [4, expect.stringContaining('could not parse expression: parse error')],
    [5, expect.stringContaining('function "nope" not defined')],
  ])
})
