/** Changes of files as editors make them. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FileChange, FileChanges } from '../../simulator/watch/file-changes.ts'

let folder: string
let files: FileChanges
let told: FileChange[][]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firedrill-changes-'))
  mkdirSync(join(folder, 'dashboards', 'team'), { recursive: true })
  write('rules.yml', 'one')
  write('dashboards/team/api.json', '{}')
  told = []
  files = new FileChanges((changes) => told.push([...changes]))
  await files.watch({ flat: [folder], deep: [join(folder, 'dashboards')] })
})

afterEach(async () => {
  await files.close()
  rmSync(folder, { recursive: true, force: true })
})

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}

/** What was told, as soon as anything was. */
async function nextChanges(): Promise<string[]> {
  for (let i = 0; i < 200 && told.length === 0; i += 1) await setTimeout(25)
  return told.splice(0).flatMap((changes) => changes.map(({ path, what }) => `${basename(path)} ${what}`))
}

test('a file that is written over is changed', async () => {
  write('rules.yml', 'two')
  expect(await nextChanges()).toEqual(['rules.yml changed'])
})

test('a file that an editor writes by renaming is changed, once', async () => {
  write('.rules.yml.swp', 'swap')
  write('rules.yml.new', 'two')
  renameSync(join(folder, 'rules.yml.new'), join(folder, 'rules.yml'))
  expect(await nextChanges()).toEqual(['rules.yml changed'])
})

test('files that are saved together are one change, those of inner folders too', async () => {
  write('rules.yml', 'two')
  write('dashboards/team/api.json', '{ "title": "API" }')
  const changes = await nextChanges()
  expect(changes.sort()).toEqual(['api.json changed', 'rules.yml changed'])
})

test('a file that goes and comes back is told both times', async () => {
  unlinkSync(join(folder, 'rules.yml'))
  expect(await nextChanges()).toEqual(['rules.yml removed'])
  write('rules.yml', 'two')
  expect(await nextChanges()).toEqual(['rules.yml added'])
})

test('a file that is saved without a change is none, and neither is one of another kind', async () => {
  write('rules.yml', 'one')
  utimesSync(join(folder, 'rules.yml'), new Date(), new Date())
  write('notes.txt', 'lunch at noon')
  write('last.yml', 'the change that is told')
  expect(await nextChanges()).toEqual(['last.yml added'])
  expect(files.count).toBe(3)
})
