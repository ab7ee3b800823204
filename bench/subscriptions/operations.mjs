// `subscriptions/listen`: a notification from `send` until all callbacks have it, and a registration that comes and goes.

import assert from 'node:assert/strict';
import { perOperation } from '../harness/operations.mjs';
import { subscriptionManagers } from '../harness/implementations.mjs';

/** @typedef {import('../harness/operations.mjs').Operation} Operation */
/** @typedef {import('../harness/operations.mjs').Turn} Turn */
/** @typedef {import('../harness/implementations.mjs').SubscriptionManager} SubscriptionManager */

const GROUP = 'Subscriptions: `send`, `create` and `close`';
const SENDS = 50;
const REGISTRATIONS = 50;
const WATCHED = 'file:///watched';

const updated = { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: WATCHED } };
const toolsChanged = { jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: {} };

/** @type {Operation[]} */
export const subscriptionRows = [
	row('a notification to 10 of 10 registrations', (manager) => sends(manager, 10, 10, updated)),
	row('a notification to 10 of 10,000 registrations', (manager) => sends(manager, 10, 10_000, updated)),
	row('a notification to all of 1,000 registrations', (manager) => sends(manager, 10, 1_000, toolsChanged)),
	row('create + close of a registration beside 1,000', async (manager) => {
		await register(manager, 1_000, 0, () => {});
		let last = 0;
		return async () => {
			const start = performance.now();
			for (let n = 0; n < REGISTRATIONS; n++) {
				const id = `new ${last++}`;
				assert.equal(
					await manager.create(
						{ id, origin: 'origin', filters: filters(true) },
						callbacks(() => {}),
					),
					true,
				);
				assert.equal(await manager.close(id, 'origin', 'closed'), true);
			}
			return perOperation(start, REGISTRATIONS);
		};
	}),
];

/**
 * @param {string} name
 * @param {(manager: SubscriptionManager) => Promise<Turn>} prepare
 * @returns {Operation}
 */
function row(name, prepare) {
	/** @param {'upstream' | 'ours'} side */
	const ready = (side) => () => {
		const turn = prepare(subscriptionManagers[side]());
		return async () => (await turn)();
	};
	return { group: GROUP, name, sides: { upstream: ready('upstream'), ours: ready('ours') } };
}

/**
 * @param {SubscriptionManager} manager
 * @param {number} watching
 * @param {number} all
 * @param {object} notification
 */
async function sends(manager, watching, all, notification) {
	let received = 0;
	await register(manager, all, watching, () => received++);
	const due = notification === updated ? watching : all;
	return async () => {
		received = 0;
		const start = performance.now();
		for (let n = 0; n < SENDS; n++) await manager.send(notification);
		const ns = perOperation(start, SENDS);
		assert.equal(received, SENDS * due);
		return ns;
	};
}

/**
 * @param {SubscriptionManager} manager
 * @param {number} all
 * @param {number} watching how many of them watch the resource
 * @param {() => void} send
 */
async function register(manager, all, watching, send) {
	for (let n = 0; n < all; n++) {
		const watches = watching > 0 && n % (all / watching) === 0;
		await manager.create({ id: n, origin: `origin ${n % 100}`, filters: filters(watches) }, callbacks(send));
	}
}

/** @param {boolean} watches */
function filters(watches) {
	return { toolsListChanged: true, resourceSubscriptions: ['file:///another', ...(watches ? [WATCHED] : [])] };
}

/** @param {() => void} send */
function callbacks(send) {
	return { acknowledge() {}, send, close() {} };
}
