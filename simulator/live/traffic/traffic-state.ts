/** What is unusual about the load just now; the controller sends the whole of it whenever it changes. */
export interface TrafficState {
  readonly factors: readonly { readonly tenant: string | undefined; readonly factor: number }[]
}
