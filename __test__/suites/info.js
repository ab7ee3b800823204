// The drop-in contract of the info managers, point by point, for every implementation that must fulfill it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertReturnedNothing } from './results.js';

/** @import { InfoImplementation } from '../support/implementations.js' */

/** The attributes: name in methods, name in the error of a getter, and a value. */
export const VALUES = /** @type {const} */ ([
	['ClientInfo', 'Client info', { name: 'client', version: '1' }],
	['ClientCapabilities', 'Client capabilities', { sampling: {} }],
	['LogLevel', 'Log Level', 'warning'],
]);

/** @param {InfoImplementation} implementation */
export function testInfo(implementation) {
	const { name, make, copies, skip = false } = implementation;
	const assertSame = copies ? assert.deepEqual : assert.equal;

	describe(`the info manager of ${name}`, { skip }, () => {
		for (const [attribute, label, value] of VALUES) {
			/** @type {any} */
			let manager;
			const get = (/** @type {unknown} */ id) => manager[`get${attribute}`](id);
			const set = (/** @type {unknown} */ id, /** @type {unknown} */ to) => manager[`set${attribute}`](id, to);

			test(`1. set${attribute} stores a value, and get${attribute} resolves to it`, async () => {
				manager = make();
				await assertReturnedNothing(set('a', value), implementation);
				const answer = get('a');
				assert.ok(answer instanceof Promise);
				assertSame(await answer, value);
				const another = typeof value === 'string' ? 'debug' : { ...value };
				await set('a', another);
				assertSame(await get('a'), another);
			});

			test(`1. get${attribute} rejects for a session without a value`, async () => {
				manager = make();
				for (const id of ['a', '', '__proto__', 'a b']) {
					await assert.rejects(get(id), { name: 'Error', message: `${label} not found for session ${id}` });
				}
				await manager.addSubscription('a', 'uri');
				for (const nothing of [undefined, null]) {
					await set('a', nothing);
					await assert.rejects(get('a'), { message: `${label} not found for session a` });
				}
			});

			test(`1. get${attribute} rejects, and does not throw, for an id that is not a string`, async () => {
				manager = make();
				for (const id of [undefined, null, 1, Symbol('s')]) await assert.rejects(get(id));
			});
		}

		test('1. the three attributes are independent', async () => {
			const manager = make();
			await manager.setLogLevel('a', 'error');
			await assert.rejects(manager.getClientInfo('a'));
			await manager.setClientInfo('a', VALUES[0][2]);
			assert.equal(await manager.getLogLevel('a'), 'error');
			await assert.rejects(manager.getClientCapabilities('a'));
		});

		test('2. getSubscriptions resolves to the ids that watch a URI, each once, in the order of addSubscription', async () => {
			const manager = make();
			for (const id of ['b', 'a', 'b', 'c']) await manager.addSubscription(id, 'uri');
			await manager.addSubscription('d', 'other');
			assert.deepEqual(await manager.getSubscriptions('uri'), ['b', 'a', 'c']);
			await manager.removeSubscription('b', 'uri');
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a', 'c']);
			await manager.addSubscription('b', 'uri');
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a', 'c', 'b']);
			assert.deepEqual(await manager.getSubscriptions('unknown'), []);
		});

		test('2. getSubscriptions resolves to a new array, which the caller may change', async () => {
			const manager = make();
			await manager.addSubscription('a', 'uri');
			(await manager.getSubscriptions('uri')).push('b');
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
		});

		test('2. ids and URIs may be any string', async () => {
			const manager = make();
			const strings = ['', '__proto__', 'constructor', 'c:d', 'ü', '\ud83d', 'a\0b'];
			for (const id of strings) for (const uri of strings) await manager.addSubscription(id, uri);
			for (const uri of strings) assert.deepEqual(await manager.getSubscriptions(uri), strings);
		});

		test('2. removeSubscription ignores unknown ids and URIs', async () => {
			const manager = make();
			await manager.addSubscription('a', 'uri');
			await manager.removeSubscription('a', 'other');
			await manager.removeSubscription('b', 'uri');
			assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
		});

		test('3. delete removes all data of a session, for every URI, and leaves other sessions alone', async () => {
			const manager = make();
			for (const id of ['a', 'b']) {
				await manager.setClientInfo(id, VALUES[0][2]);
				await manager.setClientCapabilities(id, VALUES[1][2]);
				await manager.setLogLevel(id, 'debug');
				for (const uri of ['one', 'two']) await manager.addSubscription(id, uri);
			}
			await assertReturnedNothing(manager.delete('a'), implementation);
			await assert.rejects(manager.getClientInfo('a'));
			await assert.rejects(manager.getClientCapabilities('a'));
			await assert.rejects(manager.getLogLevel('a'));
			for (const uri of ['one', 'two']) assert.deepEqual(await manager.getSubscriptions(uri), ['b']);
			assert.equal(await manager.getLogLevel('b'), 'debug');
			await manager.delete('a');
			await manager.delete('unknown');
		});
	});
}
