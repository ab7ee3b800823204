// Runs a task of a manager at an interval. The timer keeps neither the process nor the manager alive.

// Imports the module, not its functions, so that the mock timers of a test can replace them. The global functions cannot
// be used, because on some runtimes their timers have no `unref()`.
import timers from 'node:timers';
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
	const reference = new WeakRef(manager);
	const tick = () => {
		const alive = reference.deref();
		if (alive === undefined) timers.clearInterval(timer);
		else if (!isUnloaded()) task(alive);
	};
	const timer = withoutContext(() => timers.setInterval(tick, intervalMs));
	timer.unref();
}
