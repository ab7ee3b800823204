// What clients said of themselves: the getters, who watches a resource, and a session that goes.

import assert from 'node:assert/strict';
import { makeIds } from '../harness/test-data.mjs';
import { perOperation } from '../harness/operations.mjs';
import { infoManagers } from '../harness/implementations.mjs';

/** @typedef {import('../harness/operations.mjs').Operation} Operation */
/** @typedef {import('../harness/operations.mjs').Turn} Turn */
/** @typedef {import('../harness/implementations.mjs').InfoManager} InfoManager */

const GROUP = 'Info: the getters, `getSubscriptions`, `delete`';
const SESSIONS = 1_000;
const KNOWN_URIS = 10_000;
const DELETES = 20;

const INFO = { name: 'client', version: '1.0.0' };
const CAPABILITIES = { sampling: {} };

/** @type {Operation[]} */
export const infoRows = [
	getter('getClientInfo', INFO),
	getter('getClientCapabilities', CAPABILITIES),
	getter('getLogLevel', 'warning'),
	row('getSubscriptions of a URI with 10 ids', (manager) => {
		const ids = makeIds(10);
		for (const id of ids) manager.addSubscription(id, 'file:///watched');
		return () => time(SESSIONS, () => manager.getSubscriptions('file:///watched'), ids);
	}),
	row(`delete of a session with 3 URIs, ${KNOWN_URIS.toLocaleString('en')} being known`, (manager) => {
		const uris = Array.from({ length: KNOWN_URIS }, (_, n) => `file:///${n}`);
		for (const uri of uris) manager.addSubscription('another', uri);
		return () => timeDelete(manager, uris);
	}),
];

/**
 * @param {'getClientInfo' | 'getClientCapabilities' | 'getLogLevel'} method
 * @param {unknown} expected
 */
function getter(method, expected) {
	return row(`${method} of 1,000`, (manager) => {
		const ids = makeIds(SESSIONS);
		for (const id of ids) fill(manager, id);
		return () => time(SESSIONS, (index) => manager[method](ids[index]), expected);
	});
}

/**
 * @param {string} name
 * @param {(manager: InfoManager) => Turn} prepare
 * @returns {Operation}
 */
function row(name, prepare) {
	const { upstream, ours } = infoManagers;
	return { group: GROUP, name, sides: { upstream: () => prepare(upstream()), ours: () => prepare(ours()) } };
}

/**
 * @param {number} count
 * @param {(index: number) => Promise<unknown>} ask
 * @param {unknown} expected
 */
async function time(count, ask, expected) {
	const answers = new Array(count);
	const start = performance.now();
	for (let index = 0; index < count; index++) answers[index] = ask(index);
	const ns = perOperation(start, count);
	for (const answer of await Promise.all(answers)) assert.deepEqual(answer, expected);
	return ns;
}

/**
 * @param {InfoManager} manager
 * @param {string[]} uris
 */
async function timeDelete(manager, uris) {
	const ids = makeIds(DELETES);
	for (const id of ids) {
		fill(manager, id);
		for (let n = 0; n < 3; n++) manager.addSubscription(id, uris[n]);
	}
	const start = performance.now();
	for (const id of ids) manager.delete(id);
	const ns = perOperation(start, DELETES);
	assert.deepEqual(await manager.getSubscriptions(uris[0]), ['another']);
	await assert.rejects(manager.getClientInfo(ids[0]));
	return ns;
}

/**
 * @param {InfoManager} manager
 * @param {string} id
 */
function fill(manager, id) {
	manager.setClientInfo(id, INFO);
	manager.setClientCapabilities(id, CAPABILITIES);
	manager.setLogLevel(id, 'warning');
}
