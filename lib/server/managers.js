// What a shutdown does with the managers of a server, by their kind. A manager may be one of this package, of another copy of
// it, or of the user.

import { invalidArgument } from '../errors.js';
import { closeHere } from '../managers/abstract/subscriptions.js';

/**
 * Returns the managers of each kind.
 *
 * @param {unknown} managers
 * @throws {TypeError} when one of them is not a manager
 */
export function sortManagers(managers) {
	if (!Array.isArray(managers)) throw invalidArgument('shutdown: option "managers" must be an array', managers);
	/** @type {Record<'streams' | 'info' | 'subscriptions', any[]>} */
	const sorted = { streams: [], info: [], subscriptions: [] };
	for (const manager of new Set(managers)) sorted[kindOf(manager)].push(manager);
	return sorted;
}

/** @param {any} manager */
function kindOf(manager) {
	if (typeof manager?.getClientInfo === 'function') return 'info';
	if (typeof manager?.closeAll === 'function') return 'subscriptions';
	if (typeof manager?.create === 'function' && typeof manager.send === 'function') return 'streams';
	throw invalidArgument(
		'shutdown: option "managers" must contain only managers of streams, info or subscriptions',
		manager,
	);
}

/**
 * Closes the streams of a manager. One with Redis then also leaves Redis, if it is the last.
 *
 * @param {any} manager
 * @param {number} drainMs
 */
export async function closeStreams(manager, drainMs) {
	await manager.close?.({ drainMs });
}

/**
 * Ends the streams of `subscriptions/listen` of this thread. Their clients get the result of their request.
 *
 * @param {any} manager
 */
export async function closeSubscriptions(manager) {
	if (closeHere in manager) await manager[closeHere]('closed');
	else await manager.closeAll(undefined, 'closed');
}

/**
 * Closes a manager of info or subscriptions that is on Redis. Those in memory have nothing to close.
 *
 * @param {any} manager
 */
export async function leave(manager) {
	if (typeof manager.ready === 'function') await manager.close();
}
