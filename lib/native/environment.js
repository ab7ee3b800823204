// Whether native functions may still be called.
//
// Deno frees those of an environment that ends, and only then runs what others have woken, timers that are due and the
// callbacks of what was collected: to call one then is a use after free. Its `unload` comes before. Node and Bun run nothing that late.

let unloaded = false;
/** @type {Partial<EventTarget>} */ (globalThis).addEventListener?.('unload', () => {
	unloaded = true;
});

export function isUnloaded() {
	return unloaded;
}
