// Invalid arguments: each subscription manager of this package rejects with a TypeError that names the argument and its value,
// and changes nothing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { listener, subscription } from '../support/subscriptions.js';

/** @import { SubscriptionImplementation } from '../support/implementations.js' */

/** @param {Pick<SubscriptionImplementation, 'make'>} implementation */
export function testSubscriptionMistakes({ make }) {
	describe('an invalid subscription', () => {
		for (const [given, message] of /** @type {[any, string][]} */ ([
			[subscription(/** @type {any} */ (undefined)), '"subscription.id" must be a string or a number; got undefined'],
			[{ ...subscription('a'), id: null }, '"subscription.id" must be a string or a number; got null'],
			[{ ...subscription('a'), id: 7n }, '"subscription.id" must be a string or a number; got the bigint 7'],
			[{ ...subscription('a'), id: {} }, '"subscription.id" must be a string or a number; got an object'],
			[undefined, '"subscription.id" must be a string or a number; got undefined'],
			[null, '"subscription.id" must be a string or a number; got undefined'],
			[{ id: 'a', filters: {} }, '"subscription.origin" must be a string; got undefined'],
			[{ id: 'a', origin: 1, filters: {} }, '"subscription.origin" must be a string; got the number 1'],
			[{ id: 'a', origin: 'origin' }, '"subscription.filters" must be an object; got undefined'],
			[{ ...subscription('a'), filters: null }, '"subscription.filters" must be an object; got null'],
			[{ ...subscription('a'), filters: 'tools' }, '"subscription.filters" must be an object; got the string "tools"'],
			...[
				['file:///a', 'the string "file:///a"'],
				[new Set(['file:///a']), 'an instance of Set'],
				[{}, 'an object'],
				[false, 'the boolean false'],
			].map(([resourceSubscriptions, got]) => [
				subscription('a', 'origin', /** @type {any} */ ({ resourceSubscriptions })),
				`"subscription.filters.resourceSubscriptions" must be an array of URIs; got ${got}`,
			]),
		])) {
			test(`is rejected by create: ${message}`, async () => {
				const manager = make();
				const callbacks = listener();
				const created = manager.create(given, callbacks);
				assert.ok(created instanceof Promise);
				await assert.rejects(created, {
					name: 'TypeError',
					code: 'ERR_INVALID_ARG_TYPE',
					message: `create: ${message}`,
				});
				assert.deepEqual(callbacks.calls, []);
				assert.equal(await manager.create(subscription('a'), callbacks), true);
			});
		}
	});

	describe('an invalid callbacks object', () => {
		for (const missing of ['acknowledge', 'send', 'close', undefined]) {
			test(`is rejected by create: ${missing ? `without ${missing}` : 'undefined'}`, async () => {
				const manager = make();
				const callbacks = listener();
				const given = /** @type {any} */ (missing && { ...callbacks, [missing]: undefined });
				await assert.rejects(manager.create(subscription('a'), given), {
					name: 'TypeError',
					code: 'ERR_INVALID_ARG_TYPE',
					message: `create: "callbacks" must have the methods acknowledge(), send() and close(); got ${missing ? 'an object' : 'undefined'}`,
				});
				assert.deepEqual(callbacks.calls, []);
				assert.equal(await manager.create(subscription('a'), callbacks), true);
			});
		}
	});

	describe('an invalid notification', () => {
		for (const [given, got] of /** @type {[any, string][]} */ ([
			[undefined, 'undefined'],
			[null, 'null'],
			['notifications/tools/list_changed', 'the string "notifications/tools/list_changed"'],
			[{}, 'an object'],
			[{ method: 1 }, 'an object'],
			[[], 'an array'],
		])) {
			test(`is rejected by send: ${got}${given?.method ? ` whose method is ${given.method}` : ''}`, async () => {
				const sent = make().send(given);
				assert.ok(sent instanceof Promise);
				await assert.rejects(sent, {
					name: 'TypeError',
					code: 'ERR_INVALID_ARG_TYPE',
					message: `send: "notification" must be an object with a "method"; got ${got}`,
				});
			});
		}
	});
}
