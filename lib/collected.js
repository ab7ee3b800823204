// Tells Rust when a manager was garbage collected. Native functions that are freed would do, but not every runtime frees
// them.

const registry = new FinalizationRegistry((/** @type {() => void} */ leave) => {
	if (!unloaded) leave();
});

// Deno frees the native functions of an environment that ends, and only then runs the callbacks of what was collected:
// to call one then is a use after free. Its `unload` comes before both. Node and Bun run no callbacks that late.
let unloaded = false;
/** @type {Partial<EventTarget>} */ (globalThis).addEventListener?.('unload', () => {
	unloaded = true;
});

/**
 * @param {object} manager
 * @param {() => void} leave must not hold the manager
 */
export function whenCollected(manager, leave) {
	registry.register(manager, leave);
}
