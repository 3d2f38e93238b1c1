/** The published JSON Schemas are made from the code; this tells when `tools/write-schemas.ts` has to be run. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { faults } from '../../simulator/faults/index.ts'
import { jsonSchemaFiles } from '../../simulator/scenario/json-schema.ts'

describe('the published JSON Schemas', () => {
  it.each(Object.entries(jsonSchemaFiles()))('%s is what the code says', (path, text) => {
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  const schema = JSON.parse(jsonSchemaFiles()['scenarios/scenario.schema.json']!)

  it('know every fault, each with its parameters and no others', () => {
    const events: { properties: { fault: { const: string } }; additionalProperties: boolean }[] =
      schema.properties.events.items.oneOf ?? schema.properties.events.items.anyOf
    expect(events.map(({ properties }) => properties.fault.const)).toEqual(faults.map(({ name }) => name))
    expect(events.every(({ additionalProperties }) => additionalProperties === false)).toBe(true)
  })

  it('give durations as people write them', () => {
    expect(schema.properties.clock.properties.length).toMatchObject({ type: 'string' })
    expect('2m30s').toMatch(new RegExp(schema.properties.clock.properties.length.pattern))
    expect('150000').not.toMatch(new RegExp(schema.properties.clock.properties.length.pattern))
  })
})
