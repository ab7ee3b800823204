// What a subscription manager is given: subscriptions, notifications, and callbacks that remember what they were called with.

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
 * Callbacks that remember their calls, in order, and answer as they are told to.
 *
 * @param {{ acknowledge?: () => any, send?: (notification: JSONRPCRequest) => any, close?: (reason: string) => any }} [answers]
 */
export function listener(answers = {}) {
	/** @type {unknown[]} */
	const calls = [];
	/** @type {JSONRPCRequest[]} */
	const sent = [];
	return {
		/** `'acknowledge'`, `'send'` and `'close: '` with the reason. */
		calls,
		sent,
		acknowledge() {
			calls.push('acknowledge');
			return answers.acknowledge?.();
		},
		/** @param {JSONRPCRequest} given */
		send(given) {
			calls.push('send');
			sent.push(given);
			return answers.send?.(given);
		},
		/** @param {string} reason */
		close(reason) {
			calls.push(`close: ${reason}`);
			return answers.close?.(reason);
		},
	};
}

/** A promise to be settled from outside. */
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
 * What became of a promise by now, when everything that waits for nothing but promises has run.
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
