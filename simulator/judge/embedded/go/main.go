// Prometheus's own packages behind one function that JavaScript calls: see call.go for the operations.
//
// Built for GOOS=js GOARCH=wasm by tools/build-engine.mjs. No operation starts a goroutine or reads a clock for its
// result, so every call is synchronous and its answer depends on its input alone.
package main

import (
	"encoding/json"
	"fmt"
	"syscall/js"
)

func main() {
	engine := newEngine()
	call := js.FuncOf(func(_ js.Value, args []js.Value) any {
		return engine.handle(args[0].String(), args[1].String(), args[2])
	})
	// The loader has put this function there, takes ours, and removes it again.
	js.Global().Call("__firedrillEngineReady", call)
	select {}
}

// handle answers one call: (operation, JSON, bytes) in, {json, bytes} or {kind, error} out. A panic of a package is an
// error of this call and leaves the engine usable.
func (e *engine) handle(operation, input string, data js.Value) (answer any) {
	defer func() {
		if cause := recover(); cause != nil {
			answer = failure("internal", fmt.Sprint(cause))
		}
	}()
	run, known := operations[operation]
	if !known {
		return failure("internal", "unknown operation "+operation)
	}
	var received []byte
	if data.Truthy() {
		received = e.take(data)
	}
	result, sent, err := run(e, []byte(input), received)
	if err != nil {
		return failure(kindOf(err), err.Error())
	}
	text, err := json.Marshal(result)
	if err != nil {
		return failure("internal", err.Error())
	}
	out := map[string]any{"json": string(text)}
	if sent != nil {
		array := js.Global().Get("Uint8Array").New(len(sent))
		js.CopyBytesToJS(array, sent)
		out["data"] = array
	}
	return out
}

// take copies bytes into a buffer that is kept, for the next call will most likely bring as many.
func (e *engine) take(data js.Value) []byte {
	length := data.Get("byteLength").Int()
	if cap(e.buffer) < length {
		e.buffer = make([]byte, length)
	}
	received := e.buffer[:length]
	js.CopyBytesToGo(received, data)
	return received
}

func failure(kind, message string) map[string]any {
	return map[string]any{"kind": kind, "error": message}
}
