// One timer for everything that a manager has to look over regularly. It keeps neither the process nor the manager alive.

// The module and not its functions, so that a test's clock can take their place; and not the globals, whose timers cannot
// be unref'd on every runtime.
import timers from 'node:timers';
import { isUnloaded } from '../native/environment.js';

/**
 * @template {object} Manager
 * @param {Manager} manager
 * @param {(manager: Manager) => void} sweep
 * @param {number} intervalMs
 */
export function runEvery(manager, sweep, intervalMs) {
	const reference = new WeakRef(manager);
	const timer = timers.setInterval(() => {
		const still = reference.deref();
		if (still === undefined) timers.clearInterval(timer);
		else if (!isUnloaded()) sweep(still);
	}, intervalMs);
	timer.unref();
}
