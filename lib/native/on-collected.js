// Tells Rust when a manager was garbage collected. Native functions that are freed would do, but not every runtime frees
// them.

import { isUnloaded } from './environment.js';

const registry = new FinalizationRegistry((/** @type {() => void} */ leave) => {
	if (!isUnloaded()) leave();
});

/**
 * @param {object} manager
 * @param {() => void} leave must not hold the manager
 */
export function onCollected(manager, leave) {
	registry.register(manager, leave);
}
