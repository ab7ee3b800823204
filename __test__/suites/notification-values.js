// Notifications that are refused by subscription managers that send them as JSON.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { notification } from '../support/subscriptions.js';

/** @import { SubscriptionManager } from '../support/implementations.js' */
/** @import { SubscriptionDriverProxy } from '../support/threads/subscription-driver.js' */

/** @param {number} n */
const changed = (n) => notification('notifications/tools/list_changed', { n });

const resolved = { resolved: undefined };

class Point {
	x = 1;
}
const cycle = /** @type {any} */ ({ list: [] });
cycle.list.push({ back: cycle });
const hole = [1, 2, 3];
delete hole[1];
const inherits = Object.create({ inherited: 1 });
/** Description, params, a path in the notification, and the value at that path as the error names it. @type {[what: string, params: any, path: string, found: string][]} */
export const REFUSED = [
	['a function', { call() {} }, 'params.call', 'a function'],
	['a bigint', { big: 1n }, 'params.big', 'the bigint 1'],
	['a symbol', { list: [Symbol('s')] }, 'params.list[0]', 'the symbol Symbol(s)'],
	['NaN', { numbers: [1, NaN] }, 'params.numbers[1]', 'the number NaN'],
	['Infinity', { deep: { number: -Infinity } }, 'params.deep.number', 'the number -Infinity'],
	['a circular reference', cycle, 'params.list[0].back', 'a circular reference'],
	['a Map', { map: new Map([[1, 2]]) }, 'params.map', 'an instance of Map'],
	['a Set', { list: [{ set: new Set() }] }, 'params.list[0].set', 'an instance of Set'],
	['a Date', { date: new Date(0) }, 'params.date', 'an instance of Date'],
	['a URL', { url: new URL('file:///a') }, 'params.url', 'an instance of URL'],
	['a RegExp', { pattern: /x/ }, 'params.pattern', 'an instance of RegExp'],
	['bytes', { bytes: new Uint8Array(2) }, 'params.bytes', 'an instance of Uint8Array'],
	['a promise', { later: Promise.resolve() }, 'params.later', 'an instance of Promise'],
	['an error', { error: new Error('x') }, 'params.error', 'an instance of Error'],
	['a string object', { text: new String('x') }, 'params.text', 'an instance of String'],
	['an instance of a class', { point: new Point() }, 'params.point', 'an instance of Point'],
	['an object that inherits', { inherits }, 'params.inherits', 'an object'],
	['an object with a toJSON', { a: { toJSON: () => 1 } }, 'params.a', 'an object with the method toJSON()'],
	[
		'an array with a toJSON',
		{ a: Object.assign([], { toJSON: () => 1 }) },
		'params.a',
		'an array with the method toJSON()',
	],
	['a hole in an array', { list: hole }, 'params.list[1]', 'undefined'],
	['undefined in an array', { list: [0, undefined] }, 'params.list[1]', 'undefined'],
	['a function as params', () => {}, 'params', 'a function'],
];

/**
 * Tests that such a notification is refused before any thread or process gets it.
 *
 * @param {object} implementation
 * @param {() => Promise<{ here: SubscriptionDriverProxy & { manager: SubscriptionManager }, there: SubscriptionDriverProxy }>} implementation.open
 *   opens two managers that each get what the other sends
 * @param {(found: string) => string | RegExp} implementation.refusal the message for a notification that JSON cannot carry
 */
export function testNotificationRefusals({ open, refusal }) {
	describe('a notification that JSON cannot carry', () => {
		const revoked = Proxy.revocable({}, {});

		for (const [what, params, path, found] of REFUSED) {
			test(`is refused before anything is sent, and the message names the path: ${what}`, async () => {
				const { here, there } = await open();
				await here.do('create', 'here');
				await there.do('create', 'there');
				const sent = here.manager.send(notification('notifications/tools/list_changed', params));
				assert.ok(sent instanceof Promise);
				await assert.rejects(sent, {
					name: 'TypeError',
					code: 'ERR_INVALID_ARG_VALUE',
					message: refusal(`its "${path}" is ${found}`),
				});
				assert.deepEqual(await here.do('send', changed(1)), resolved);
				assert.deepEqual(await here.do('calls', 'here'), [['acknowledge', 1]]);
				assert.deepEqual(await there.do('calls', 'there'), [['acknowledge', 1]]);
			});
		}

		test('is refused if it is an instance of a class', async () => {
			class Notification {
				jsonrpc = /** @type {const} */ ('2.0');
				method = 'notifications/tools/list_changed';
			}
			const { here } = await open();
			await assert.rejects(here.manager.send(new Notification()), {
				code: 'ERR_INVALID_ARG_VALUE',
				message: refusal('it is an instance of Notification'),
			});
		});

		test('is refused also without subscriptions, and with a method that no subscription matches', async () => {
			const { here } = await open();
			for (const method of ['notifications/tools/list_changed', 'notifications/message']) {
				await assert.rejects(here.manager.send(notification(method, { big: 1n })), { code: 'ERR_INVALID_ARG_VALUE' });
			}
		});

		for (const [what, params, expected] of /** @type {[string, any, any][]} */ ([
			[
				'a getter that throws',
				{
					get a() {
						throw new RangeError('thrown by a getter');
					},
				},
				{ name: 'RangeError', message: 'thrown by a getter' },
			],
			['a revoked proxy', { a: revoked.proxy }, { name: 'TypeError' }],
		])) {
			test(`is refused with the error of ${what}, before anything is sent`, async () => {
				revoked.revoke();
				const { here, there } = await open();
				await there.do('create', 'a');
				await assert.rejects(here.manager.send(notification('notifications/tools/list_changed', params)), expected);
				assert.deepEqual(await here.do('send', changed(1)), resolved);
				assert.deepEqual(await there.do('calls', 'a'), [['acknowledge', 1]]);
			});
		}
	});
}
