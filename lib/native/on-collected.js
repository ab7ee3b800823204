// Leaves the hub when a manager or membership is garbage collected. Rust cannot rely on its own finalizers for this: not
// every runtime frees native functions that are garbage collected.

import { isUnloaded } from './environment.js';

/** `undefined` on hosts without it: Cloudflare Workers with a compatibility date before May 2025. */
const registry =
	globalThis.FinalizationRegistry &&
	new FinalizationRegistry((/** @type {() => void} */ leave) => {
		if (!isUnloaded()) leave();
	});

/**
 * Calls `leave` after the owner is garbage collected.
 *
 * @param {object} owner
 * @param {() => void} leave must not hold the owner
 */
export function onCollected(owner, leave) {
	registry?.register(owner, leave);
}
