// What a notification is about, and whether a subscription asked for it (MCP 2026-07-28, `subscriptions/listen`).

/** @import { JSONRPCRequest, SubscriptionFilter } from '../../index.js' */

/** The lists that may change, in the order of `ListChange` in `src/subscriptions.rs`. */
const METHODS = [
	'notifications/tools/list_changed',
	'notifications/prompts/list_changed',
	'notifications/resources/list_changed',
];

/** The flags of a filter that ask for them, in the same order. */
const FLAGS = /** @type {const} */ (['toolsListChanged', 'promptsListChanged', 'resourcesListChanged']);

const RESOURCE_UPDATED = 'notifications/resources/updated';

/**
 * Which list the notification says has changed; -1 for none.
 *
 * @param {JSONRPCRequest} notification
 */
export function changedList({ method }) {
	return METHODS.indexOf(method);
}

/**
 * The URI of the resource that the notification says was updated.
 *
 * @param {JSONRPCRequest} notification
 * @returns {string | undefined}
 */
export function updatedResource({ method, params }) {
	if (method !== RESOURCE_UPDATED) return undefined;
	const uri = /** @type {{ uri?: unknown } | null | undefined} */ (params)?.uri;
	return typeof uri === 'string' ? uri : undefined;
}

/**
 * The lists whose changes the filters ask for, a bit each.
 *
 * @param {SubscriptionFilter} filters
 */
export function listsAskedFor(filters) {
	return FLAGS.reduce((bits, flag, list) => (filters[flag] === true ? bits | (1 << list) : bits), 0);
}

/**
 * Whether a notification is for a subscription with these filters.
 *
 * @param {SubscriptionFilter} filters
 * @param {JSONRPCRequest} notification
 * @returns {boolean}
 */
export function matchesSubscription(filters, notification) {
	const list = changedList(notification);
	if (list >= 0) return filters[FLAGS[list]] === true;
	const uri = updatedResource(notification);
	return uri !== undefined && filters.resourceSubscriptions?.includes(uri) === true;
}
