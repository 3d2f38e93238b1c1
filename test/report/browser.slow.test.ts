/** Pages in a real browser, from disk: nothing is asked of a network, nothing is complained about, the lane is to be seen. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DrillEvidence } from '../../simulator/drill/drill-evidence.ts'
import { drillPage } from '../../simulator/report/html/drill-page.ts'
import { runShipped, shippedDrill, shippedSetup } from '../drill/run-scenario.ts'
import * as small from './small-drill.ts'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', process.env.CHROMIUM ?? '']
const executablePath = places.find((place) => place !== '' && existsSync(place))
const version = '0.0.0'

describe.skipIf(!executablePath)(
  `in a browser${executablePath ? '' : ' (skipped: chromium is not installed; set CHROMIUM)'}`,
  () => {
    let folder: string
    let browser: Browser
    const file = (name: string) => join(folder, name)

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'firedrill-pages-'))
      browser = await chromium.launch({
        executablePath: executablePath!,
        args: ['--no-sandbox', '--disable-dev-shm-usage'],
      })
      let evidence: DrillEvidence | undefined
      const drill = shippedDrill('service-down')
      const result = await runShipped(drill, await shippedSetup(), { onEvidence: (given) => (evidence = given) })
      expect(result.verdict).toBe('held')
      const repeat = 'firedrill run service-down'
      writeFileSync(file('service-down.html'), drillPage({ drill, result, evidence: evidence!, repeat, version }))
      writeFileSync(file('hostile.html'), drillPage({ ...small, repeat, version }))
    }, 120_000)

    afterAll(async () => {
      await browser?.close()
      rmSync(folder, { recursive: true, force: true })
    })

    /** Opens a page and notes what a good page never does. */
    async function open(name: string, options: { width: number; colorScheme?: 'light' | 'dark' }) {
      const page = await browser.newPage({
        viewport: { width: options.width, height: 900 },
        colorScheme: options.colorScheme ?? 'light',
      })
      const complaints: string[] = []
      page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`))
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('request', (request) => {
        const isOwn = request.url() === pathToFileURL(file(name)).href || request.url().startsWith('data:')
        if (!isOwn) complaints.push(`request: ${request.url()}`)
      })
      await page.goto(pathToFileURL(file(name)).href)
      return { page, complaints }
    }

    test.each([1440, 390])(
      'nothing is requested, nothing complained about, nothing too wide (%d px)',
      async (width) => {
        const { page, complaints } = await open('service-down.html', { width })
        expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
        expect(complaints).toEqual([])
        await page.close()
      },
    )

    test('the lane of the alert that fired shows when it fires', async () => {
      const { page } = await open('service-down.html', { width: 1440 })
      const firing = page.locator('[data-alert="ServiceDown"] i.state.firing').first()
      expect(await firing.isVisible()).toBe(true)
      expect((await firing.boundingBox())!.width).toBeGreaterThan(20)
      expect(await page.locator('h1').innerText()).toContain('ServiceDown paged')
      await page.close()
    })

    test('it says why the alert fired, and shows the page that was sent', async () => {
      const { page } = await open('service-down.html', { width: 1440 })
      const why = page.locator('#why-ServiceDown')
      expect(await why.locator('.answer').innerText()).toMatch(/^It fired \d\d:\d\d/)
      expect(await why.locator('.pager .summary').innerText()).toContain('is down')
      expect(await why.locator('.operand.decided .plot').isVisible()).toBe(true)
      await page.close()
    })

    test('the pointer reads out values, and so do the arrow keys', async () => {
      const { page, complaints } = await open('service-down.html', { width: 1440 })
      const plot = page.locator('.timeline [data-plot]').last()
      await plot.hover()
      expect(await plot.locator('.says').innerText()).toMatch(/^\d\d:\d\d/)
      await plot.focus()
      const before = await plot.locator('.says').innerText()
      for (let i = 0; i < 5; i += 1) await page.keyboard.press('ArrowRight')
      expect(await plot.locator('.says').innerText()).not.toBe(before)
      expect(complaints).toEqual([])
      await page.close()
    })

    test('light and dark follow the system, and the button turns them', async () => {
      const { page } = await open('service-down.html', { width: 1440, colorScheme: 'dark' })
      const dark = await background(page)
      await page.locator('#theme').click()
      const light = await background(page)
      expect(dark).not.toBe(light)
      await page.emulateMedia({ media: 'print' })
      expect(await background(page)).toBe('rgb(255, 255, 255)')
      await page.close()
    })

    test('hostile texts are shown, not obeyed', async () => {
      const { page, complaints } = await open('hostile.html', { width: 390 })
      await page.locator('.timeline [data-plot]').last().hover()
      expect(await page.evaluate<boolean>("'hacked' in window")).toBe(false)
      expect(await page.locator('.pager .summary').innerText()).toContain('<script>')
      expect(complaints).toEqual([])
      await page.close()
    })

    test('without script everything is still there', async () => {
      const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1440, height: 900 } })
      const page = await context.newPage()
      await page.goto(pathToFileURL(file('service-down.html')).href)
      expect(await page.locator('[data-alert="ServiceDown"] i.state.firing').first().isVisible()).toBe(true)
      expect(await page.locator('.timeline svg path').count()).toBeGreaterThan(1)
      expect(await page.locator('#theme').isVisible()).toBe(false)
      await context.close()
    })

    test('the file is below 1.5 MB and names no file of this machine', () => {
      expect(statSync(file('service-down.html')).size).toBeLessThan(1_500_000)
      expect(readFileSync(file('service-down.html'), 'utf8')).not.toContain(join(tmpdir(), 'firedrill-'))
    })
  },
)

function background(page: Page): Promise<string> {
  return page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
}
