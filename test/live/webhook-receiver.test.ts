/** What a pager of ours takes, and that nothing sent to it ends the process. */
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type Notification, startWebhookReceiver, type WebhookReceiver } from '../../simulator/live/webhook-receiver.ts'

let receiver: WebhookReceiver
const received: Notification[] = []

afterEach(() => {
  receiver.close()
  received.length = 0
})

async function start() {
  receiver = await startWebhookReceiver(
    '/alerts',
    () => 42,
    (one) => received.push(one),
  )
}

const alert = {
  status: 'firing',
  labels: { alertname: 'ServiceDown' },
  annotations: { summary: 'down' },
  startsAt: '2026-01-05T09:00:00.123456789Z',
  endsAt: '0001-01-01T00:00:00Z',
}

function post(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(receiver.url, { method: 'POST', headers, body: text })
}

test('what Alertmanager sends is kept, in order', async () => {
  await start()
  expect(
    (await post({ version: '4', alerts: [alert, { ...alert, status: 'resolved', annotations: null }] })).status,
  ).toBe(200)
  expect(received).toEqual([
    {
      receivedAtMs: 42,
      status: 'firing',
      labels: { alertname: 'ServiceDown' },
      annotations: { summary: 'down' },
      startsAtMs: Date.parse('2026-01-05T09:00:00.123Z'),
      endsAtMs: Date.parse('0001-01-01T00:00:00Z'),
    },
    expect.objectContaining({ status: 'resolved', annotations: {} }),
  ])
})

test.each([
  ['no JSON', '{'],
  ['null', 'null'],
  ['an object without alerts', {}],
  ['an alert without labels', { alerts: [{ ...alert, labels: undefined }] }],
  ['a time that is none', { alerts: [{ ...alert, startsAt: 'soon' }] }],
])('%s is refused, and the next message is taken', async (_, body) => {
  await start()
  expect((await post(body)).status).toBe(400)
  expect((await post({ alerts: [alert] })).status).toBe(200)
  expect(received).toHaveLength(1)
})

test('a page in a browser is refused', async () => {
  await start()
  expect((await post({ alerts: [alert] }, { origin: 'http://example.com' })).status).toBe(403)
  expect(received).toEqual([])
})

test('a message that is cut off does no harm', async () => {
  await start()
  const { port } = new URL(receiver.url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write('POST /alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"alerts": [')
  await new Promise((resolve) => setTimeout(resolve, 50))
  socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect((await post({ alerts: [alert] })).status).toBe(200)
})
