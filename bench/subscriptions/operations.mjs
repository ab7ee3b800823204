// The subscription manager (`subscriptions/listen`): a notification until all callbacks have it; `create` and `close`.

import assert from 'node:assert/strict';
import { subscriptionManagers } from '../harness/implementations.mjs';
import { nsPerOperation } from '../harness/operations.mjs';

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
export const subscriptionOperations = [
	operation('notify 10 of 10 registrations', (manager) => notify(manager, 10, 10, updated)),
	operation('notify 10 of 10,000 registrations', (manager) => notify(manager, 10, 10_000, updated)),
	operation('notify all of 1,000 registrations', (manager) => notify(manager, 10, 1_000, toolsChanged)),
	operation('create + close a registration, with 1,000 others', async (manager) => {
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
			return nsPerOperation(start, REGISTRATIONS);
		};
	}),
];

/**
 * @param {string} name
 * @param {(manager: SubscriptionManager) => Promise<Turn>} makeTurn
 * @returns {Operation}
 */
function operation(name, makeTurn) {
	/** @param {'upstream' | 'ours'} implementation */
	const prepare = (implementation) => () => {
		const turn = makeTurn(subscriptionManagers[implementation]());
		return async () => (await turn)();
	};
	return { group: GROUP, name, prepare: { upstream: prepare('upstream'), ours: prepare('ours') } };
}

/**
 * @param {SubscriptionManager} manager
 * @param {number} watching number of registrations that watch the resource
 * @param {number} all number of registrations
 * @param {any} notification
 */
async function notify(manager, watching, all, notification) {
	let received = 0;
	await register(manager, all, watching, () => received++);
	const expected = notification === updated ? watching : all;
	return async () => {
		received = 0;
		const start = performance.now();
		for (let n = 0; n < SENDS; n++) await manager.send(notification);
		const ns = nsPerOperation(start, SENDS);
		assert.equal(received, SENDS * expected);
		return ns;
	};
}

/**
 * @param {SubscriptionManager} manager
 * @param {number} all
 * @param {number} watching number of registrations that watch the resource
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
