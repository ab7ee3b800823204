// The info manager: the getters, `getSubscriptions`, and `delete` of a session.

import assert from 'node:assert/strict';
import { infoManagers } from '../harness/implementations.mjs';
import { nsPerOperation } from '../harness/operations.mjs';
import { makeIds } from '../harness/test-data.mjs';

/** @typedef {import('../harness/operations.mjs').Operation} Operation */
/** @typedef {import('../harness/operations.mjs').Turn} Turn */
/** @typedef {import('../harness/implementations.mjs').InfoManager} InfoManager */

const GROUP = 'Info: the getters, `getSubscriptions`, `delete`';
const SESSIONS = 1_000;
const URIS = 10_000;
const DELETES = 20;

const INFO = { name: 'client', version: '1.0.0' };
const CAPABILITIES = { sampling: {} };

/** @type {Operation[]} */
export const infoOperations = [
	getter('getClientInfo', INFO),
	getter('getClientCapabilities', CAPABILITIES),
	getter('getLogLevel', 'warning'),
	operation('getSubscriptions of a URI that 10 sessions watch', (manager) => {
		const ids = makeIds(10);
		for (const id of ids) manager.addSubscription(id, 'file:///watched');
		return () => timeCalls(SESSIONS, () => manager.getSubscriptions('file:///watched'), ids);
	}),
	operation(`delete a session that watches 3 of ${URIS.toLocaleString('en')} URIs`, (manager) => {
		const uris = Array.from({ length: URIS }, (_, n) => `file:///${n}`);
		for (const uri of uris) manager.addSubscription('another', uri);
		return () => timeDelete(manager, uris);
	}),
];

/**
 * @param {'getClientInfo' | 'getClientCapabilities' | 'getLogLevel'} method
 * @param {unknown} expected
 */
function getter(method, expected) {
	return operation(`${method} of 1,000 sessions`, (manager) => {
		const ids = makeIds(SESSIONS);
		for (const id of ids) setAttributes(manager, id);
		return () => timeCalls(SESSIONS, (index) => manager[method](ids[index]), expected);
	});
}

/**
 * @param {string} name
 * @param {(manager: InfoManager) => Turn} makeTurn
 * @returns {Operation}
 */
function operation(name, makeTurn) {
	const { upstream, ours } = infoManagers;
	return { group: GROUP, name, prepare: { upstream: () => makeTurn(upstream()), ours: () => makeTurn(ours()) } };
}

/**
 * @param {number} count
 * @param {(index: number) => Promise<unknown>} call
 * @param {unknown} expected
 */
async function timeCalls(count, call, expected) {
	const results = new Array(count);
	const start = performance.now();
	for (let index = 0; index < count; index++) results[index] = call(index);
	const ns = nsPerOperation(start, count);
	for (const result of await Promise.all(results)) assert.deepEqual(result, expected);
	return ns;
}

/**
 * @param {InfoManager} manager
 * @param {string[]} uris
 */
async function timeDelete(manager, uris) {
	const ids = makeIds(DELETES);
	for (const id of ids) {
		setAttributes(manager, id);
		for (let n = 0; n < 3; n++) manager.addSubscription(id, uris[n]);
	}
	const start = performance.now();
	for (const id of ids) manager.delete(id);
	const ns = nsPerOperation(start, DELETES);
	assert.deepEqual(await manager.getSubscriptions(uris[0]), ['another']);
	await assert.rejects(manager.getClientInfo(ids[0]));
	return ns;
}

/**
 * @param {InfoManager} manager
 * @param {string} id
 */
function setAttributes(manager, id) {
	manager.setClientInfo(id, INFO);
	manager.setClientCapabilities(id, CAPABILITIES);
	manager.setLogLevel(id, 'warning');
}
