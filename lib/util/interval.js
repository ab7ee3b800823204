// Runs a task of a manager at an interval. The timer keeps neither the process nor the manager alive.

import { timers } from '#platform';
import { isUnloaded } from '../native/environment.js';
import { withoutContext } from './async-context.js';

/**
 * Calls the task every `intervalMs` until the manager is garbage collected.
 *
 * @template {object} Manager
 * @param {Manager} manager
 * @param {(manager: Manager) => void} task must not hold the manager
 * @param {number} intervalMs
 */
export function runEvery(manager, task, intervalMs) {
	const reference = weakReferenceTo(manager);
	const tick = () => {
		const alive = reference.deref();
		if (alive === undefined) timers.clearInterval(timer);
		else if (!isUnloaded()) task(alive);
	};
	const timer = withoutContext(() => timers.setInterval(tick, intervalMs));
	timer.unref();
}

/**
 * Returns a weak reference. Where the host has none (Cloudflare Workers with a compatibility date before May 2025), the
 * reference is a strong one, and the timer keeps its manager in memory.
 *
 * @template {object} Target
 * @param {Target} target
 * @returns {{ deref(): Target | undefined }}
 */
function weakReferenceTo(target) {
	return globalThis.WeakRef === undefined ? { deref: () => target } : new WeakRef(target);
}
