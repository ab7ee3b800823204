// Arguments for subscription managers: subscriptions, notifications, and callbacks that record their calls.

import { setImmediate as turn } from 'node:timers/promises';

/** @import { JSONRPCRequest, Subscription, SubscriptionFilter } from '@tmcp-native/session-manager' */

export const toolsChanged = () => notification('notifications/tools/list_changed');

/** @param {string} uri */
export const updated = (uri) => notification('notifications/resources/updated', { uri });

/**
 * @param {string} method
 * @param {unknown} [params]
 * @returns {JSONRPCRequest}
 */
export function notification(method, params) {
	return params === undefined ? { jsonrpc: '2.0', method } : { jsonrpc: '2.0', method, params };
}

/**
 * @param {string | number} id
 * @param {string} [origin]
 * @param {SubscriptionFilter} [filters]
 * @returns {Subscription}
 */
export function subscription(id, origin = 'origin', filters = { toolsListChanged: true }) {
	return { id, origin, filters };
}

/**
 * Returns callbacks that record their calls in order, and then do what the given functions do.
 *
 * @param {{ acknowledge?: () => any, send?: (notification: JSONRPCRequest) => any, close?: (reason: string) => any }} [functions]
 */
export function listener(functions = {}) {
	/** @type {unknown[]} */
	const calls = [];
	/** @type {JSONRPCRequest[]} */
	const sent = [];
	return {
		/** Entries are `'acknowledge'`, `'send'`, and `'close: '` with the reason. */
		calls,
		sent,
		acknowledge() {
			calls.push('acknowledge');
			return functions.acknowledge?.();
		},
		/** @param {JSONRPCRequest} given */
		send(given) {
			calls.push('send');
			sent.push(given);
			return functions.send?.(given);
		},
		/** @param {string} reason */
		close(reason) {
			calls.push(`close: ${reason}`);
			return functions.close?.(reason);
		},
	};
}

/** Returns a promise with the functions that settle it. */
export function deferred() {
	/** @type {() => void} */
	let resolve = () => {};
	/** @type {(error: Error) => void} */
	let reject = () => {};
	const promise = /** @type {Promise<void>} */ (
		new Promise((yes, no) => {
			resolve = yes;
			reject = no;
		})
	);
	return { promise, resolve, reject };
}

/**
 * Returns the state of a promise after all pending microtasks: `'pending'`, `{ resolved }` or `{ rejected }`.
 *
 * @param {Promise<unknown>} promise
 */
export async function stateOf(promise) {
	/** @type {unknown} */
	let state = 'pending';
	promise.then(
		(value) => {
			state = { resolved: value };
		},
		(error) => {
			state = { rejected: error };
		},
	);
	await turn();
	return state;
}
