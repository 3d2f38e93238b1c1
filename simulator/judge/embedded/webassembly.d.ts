/** The part of WebAssembly's JavaScript interface that is used here; Node's types leave it to the types of browsers. */
declare namespace WebAssembly {
  class Module {
    private constructor()
  }
  class Instance {
    private constructor()
    readonly exports: Record<string, unknown>
  }
  class Memory {
    private constructor()
    readonly buffer: ArrayBuffer
  }
  type Imports = Record<string, Record<string, unknown>>
  function compile(bytes: Uint8Array): Promise<Module>
  function instantiate(module: Module, imports: Imports): Promise<Instance>
}
