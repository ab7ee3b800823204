// Finds the subject of a notification, and matches it with the filters of a subscription (MCP 2026-07-28,
// `subscriptions/listen`).

/** @import { JSONRPCRequest, SubscriptionFilter } from '../../index.js' */

/** The notifications about a list, in the order of `ListChange` in `src/registry/subscriptions.rs`. */
const LIST_METHODS = [
	'notifications/tools/list_changed',
	'notifications/prompts/list_changed',
	'notifications/resources/list_changed',
];

/** The filters that match them, in the same order. */
const LIST_FILTERS = /** @type {const} */ (['toolsListChanged', 'promptsListChanged', 'resourcesListChanged']);

const RESOURCE_UPDATED = 'notifications/resources/updated';

/**
 * Returns the index of the list that has changed, or -1 when the notification is not about a list.
 *
 * @param {JSONRPCRequest} notification
 */
export function changedList({ method }) {
	return LIST_METHODS.indexOf(method);
}

/**
 * Returns the URI of the resource that was updated, or `undefined` when the notification is not about a resource.
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
 * Returns the lists that the filters select, as one bit for each index.
 *
 * @param {SubscriptionFilter} filters
 */
export function selectedLists(filters) {
	return LIST_FILTERS.reduce((bits, name, list) => (filters[name] === true ? bits | (1 << list) : bits), 0);
}

/**
 * Returns true when a subscription with these filters receives the notification.
 *
 * @param {SubscriptionFilter} filters
 * @param {JSONRPCRequest} notification
 * @returns {boolean}
 */
export function matchesSubscription(filters, notification) {
	const list = changedList(notification);
	if (list >= 0) return filters[LIST_FILTERS[list]] === true;
	const uri = updatedResource(notification);
	return uri !== undefined && filters.resourceSubscriptions?.includes(uri) === true;
}
