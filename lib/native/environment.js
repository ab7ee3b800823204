// Detects the end of the JavaScript environment, after which native functions must not be called.
//
// When an environment ends, Deno frees its native functions first. After that it still runs pending wake-ups, due timers
// and finalization callbacks. A native call from one of these is a use after free. Deno's `unload` event comes before
// both. Node and Bun run no JavaScript that late.

let unloaded = false;
/** @type {Partial<EventTarget>} */ (globalThis).addEventListener?.('unload', () => {
	unloaded = true;
});

/** Returns true when native functions must not be called any more. */
export function isUnloaded() {
	return unloaded;
}
