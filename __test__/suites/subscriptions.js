// The drop-in contract of the subscription managers, point by point, for every implementation that must fulfill it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import {
	deferred,
	listener,
	notification,
	stateOf,
	subscription,
	toolsChanged,
	updated,
} from '../support/subscriptions.js';

/** @import { SubscriptionImplementation, SubscriptionManager } from '../support/implementations.js' */

const failure = new Error('failure');
const fails = () => {
	throw failure;
};
const rejects = () => Promise.reject(failure);

/** @param {SubscriptionImplementation} implementation */
export function testSubscriptions({ name, Manager, make, matches, sendsThroughBroker = false, skip = false }) {
	/**
	 * Waits for a `send` whose callback fails with `failure`.
	 *
	 * @param {Promise<unknown>} sent
	 */
	const settledAfterFailure = (sent) => (sendsThroughBroker ? sent : assert.rejects(sent, failure));

	describe(`the subscription manager of ${name}`, { skip }, () => {
		describe('1. create', () => {
			test('registers an origin and id once; a second create resolves to false and calls no callback', async () => {
				const manager = make();
				const [first, second] = [listener(), listener()];
				assert.equal(await manager.create(subscription('a'), first), true);
				assert.equal(await manager.create(subscription('a'), second), false);
				await manager.send(toolsChanged());
				await manager.closeAll();
				assert.deepEqual(first.calls, ['acknowledge', 'send', 'close: cancelled']);
				assert.deepEqual(second.calls, []);
			});

			test('resolves to false at once while the acknowledgement or the close of the registration is pending', async () => {
				const manager = make();
				const [acknowledged, closed] = [deferred(), deferred()];
				const pending = listener({ acknowledge: () => acknowledged.promise, close: () => closed.promise });
				const created = manager.create(subscription('a'), pending);
				assert.deepEqual(await stateOf(manager.create(subscription('a'), listener())), { resolved: false });
				acknowledged.resolve();
				assert.equal(await created, true);
				const closing = manager.close('a', 'origin', 'closed');
				assert.deepEqual(await stateOf(manager.create(subscription('a'), listener())), { resolved: false });
				closed.resolve();
				assert.equal(await closing, true);
				assert.equal(await manager.create(subscription('a'), listener()), true);
			});

			test('treats 1 and "1" as two ids, and one id in two origins as two registrations', async () => {
				const manager = make();
				const all = /** @type {const} */ ([
					[1, 'a'],
					['1', 'a'],
					[1, 'b'],
					['1', 'b'],
				]).map(([id, origin]) => ({ id, origin, callbacks: listener() }));
				for (const { id, origin, callbacks } of all) {
					assert.equal(await manager.create(subscription(id, origin), callbacks), true);
				}
				assert.equal(await manager.close('1', 'a', 'closed'), true);
				await manager.send(toolsChanged());
				assert.deepEqual(
					all.map(({ callbacks }) => callbacks.calls.length),
					[2, 2, 2, 2],
				);
				assert.deepEqual(all[1].callbacks.calls, ['acknowledge', 'close: closed']);
			});

			test('accepts any string as id and as origin', async () => {
				const manager = make();
				const strings = ['', '__proto__', 'constructor', 'a:b', 'ü', '\ud83d', '\ude00', 'a\0b', 'x'.repeat(95)];
				strings.push('x'.repeat(96), 'ü'.repeat(5_000));
				for (const origin of strings) {
					for (const id of strings) assert.equal(await manager.create(subscription(id, origin), listener()), true);
				}
				for (const origin of strings) {
					for (const id of strings) assert.equal(await manager.close(id, origin, 'closed'), true);
				}
			});

			test('compares numbers as a Map does: 0 equals −0, and NaN equals NaN', async () => {
				const manager = make();
				for (const id of [0, NaN, 0.1, 2 ** 53, -1, Infinity]) {
					assert.equal(await manager.create(subscription(id), listener()), true);
				}
				for (const id of [-0, 0, NaN, 0.1, 2 ** 53, -1, Infinity]) {
					assert.equal(await manager.create(subscription(id), listener()), false);
				}
				assert.equal(await manager.close(NaN, 'origin', 'closed'), true);
				assert.equal(await manager.close(-0, 'origin', 'closed'), true);
				assert.equal(await manager.close(0, 'origin', 'closed'), false);
			});

			test('calls acknowledge synchronously, as a method of the callbacks, without arguments', async () => {
				const manager = make();
				/** @type {unknown[]} */
				const seen = [];
				const callbacks = {
					...listener(),
					/** @this {unknown} @param {unknown[]} args */
					acknowledge(...args) {
						seen.push(this === callbacks, args);
					},
				};
				const created = manager.create(subscription('a'), callbacks);
				assert.deepEqual(seen, [true, []]);
				assert.ok(created instanceof Promise);
				assert.equal(await created, true);
			});

			test('resolves when the acknowledgement and the deliveries queued behind it are done', async () => {
				const manager = make();
				const [acknowledged, delivered] = [deferred(), deferred()];
				const created = manager.create(
					subscription('a'),
					listener({ acknowledge: () => acknowledged.promise, send: () => delivered.promise }),
				);
				const sent = manager.send(toolsChanged());
				assert.equal(await stateOf(created), 'pending');
				acknowledged.resolve();
				assert.equal(await stateOf(created), 'pending');
				delivered.resolve();
				assert.equal(await created, true);
				await sent;
			});

			test('resolves to true even if a delivery queued behind the acknowledgement fails', async () => {
				const manager = make();
				const acknowledged = deferred();
				const callbacks = listener({ acknowledge: () => acknowledged.promise, send: fails });
				const created = manager.create(subscription('a'), callbacks);
				const sent = manager.send(toolsChanged());
				acknowledged.resolve();
				await settledAfterFailure(sent);
				assert.equal(await created, true);
			});

			test('queues notifications while the acknowledgement is pending, also those sent by it, and delivers them in order', async () => {
				const manager = make();
				const acknowledged = deferred();
				const notifications = [toolsChanged(), toolsChanged(), toolsChanged()];
				/** @type {Promise<unknown>[]} */
				const sends = [];
				const callbacks = listener({
					acknowledge() {
						sends.push(manager.send(notifications[0]));
						return acknowledged.promise;
					},
				});
				const created = manager.create(subscription('a'), callbacks);
				sends.push(manager.send(notifications[1]), manager.send(notifications[2]));
				await turn();
				assert.deepEqual(callbacks.calls, ['acknowledge']);
				acknowledged.resolve();
				assert.equal(await created, true);
				await Promise.all(sends);
				assert.deepEqual(
					callbacks.sent.map((sent) => notifications.indexOf(sent)),
					[0, 1, 2],
				);
			});

			for (const [how, acknowledge] of /** @type {const} */ ([
				['throws', fails],
				['rejects', rejects],
			])) {
				test(`rejects with the error of an acknowledge that ${how}, and the id is free again`, async () => {
					const manager = make();
					const failed = listener({ acknowledge });
					await assert.rejects(manager.create(subscription('a'), failed), failure);
					await manager.send(toolsChanged());
					assert.equal(await manager.close('a', 'origin', 'closed'), false);
					const next = listener();
					assert.equal(await manager.create(subscription('a'), next), true);
					await manager.send(toolsChanged());
					assert.deepEqual(failed.calls, ['acknowledge']);
					assert.deepEqual(next.calls, ['acknowledge', 'send']);
				});

				test(`drops the notifications queued behind an acknowledge that ${how}: their sends resolve`, async () => {
					const manager = make();
					/** @type {Promise<unknown>[]} */
					const sends = [];
					const failed = listener({
						acknowledge() {
							sends.push(manager.send(toolsChanged()), manager.send(toolsChanged()));
							return acknowledge();
						},
					});
					const created = manager.create(subscription('a'), failed);
					sends.push(manager.send(toolsChanged()));
					await assert.rejects(created, failure);
					assert.deepEqual(await Promise.all(sends), [undefined, undefined, undefined]);
					assert.deepEqual(failed.calls, ['acknowledge']);
				});
			}

			test('rejects if the callbacks are missing, and the id is free again', async () => {
				const manager = make();
				for (const callbacks of [undefined, null, {}, { acknowledge: 1 }]) {
					await assert.rejects(manager.create(subscription('a'), /** @type {any} */ (callbacks)), TypeError);
				}
				assert.equal(await manager.create(subscription('a'), listener()), true);
			});
		});

		describe('2. send', () => {
			test('passes the same object to each matching subscription, and resolves to undefined', async () => {
				const manager = make();
				const [tools, another, resources] = [listener(), listener(), listener()];
				await manager.create(subscription('tools'), tools);
				await manager.create(subscription('another', 'elsewhere'), another);
				await manager.create(subscription('resources', 'origin', { resourceSubscriptions: ['file:///a'] }), resources);
				const [changed, update] = [toolsChanged(), updated('file:///a')];
				assert.equal(await manager.send(changed), undefined);
				assert.equal(await manager.send(update), undefined);
				assert.equal(await manager.send(updated('file:///b')), undefined);
				for (const { sent } of [tools, another]) {
					assert.equal(sent.length, 1);
					assert.equal(sent[0], changed);
				}
				assert.equal(resources.sent.length, 1);
				assert.equal(resources.sent[0], update);
			});

			test('calls the callback as a method of the callbacks, with the notification alone', async () => {
				const manager = make();
				/** @type {unknown[]} */
				const seen = [];
				const callbacks = {
					...listener(),
					/** @this {unknown} @param {unknown[]} args */
					send(...args) {
						seen.push(this === callbacks, args.length);
					},
				};
				await manager.create(subscription('a'), callbacks);
				await manager.send(toolsChanged());
				assert.deepEqual(seen, [true, 1]);
			});

			test('resolves without any subscription', async () => {
				assert.equal(await make().send(toolsChanged()), undefined);
			});

			test('delivers to origins in the order of their first subscription, and to the subscriptions of an origin in order', async () => {
				const manager = make();
				/** @type {string[]} */
				const order = [];
				const create = (/** @type {string} */ origin, /** @type {number} */ id) =>
					manager.create(subscription(id, origin), listener({ send: () => order.push(origin + id) }));
				for (const [origin, id] of /** @type {const} */ ([
					['b', 2],
					['a', 1],
					['b', 1],
					['c', 1],
					['a', 2],
				])) {
					await create(origin, id);
				}
				await manager.send(toolsChanged());
				assert.equal(order.join(' '), 'b2 b1 a1 a2 c1');
				// An origin that is removed and comes back is the last.
				order.length = 0;
				await manager.closeAll('b');
				await create('b', 1);
				await manager.send(toolsChanged());
				assert.equal(order.join(' '), 'a1 a2 c1 b1');
			});

			test('delivers to each subscription one by one; a slow subscription does not delay another', async () => {
				const manager = make();
				/** @type {ReturnType<typeof deferred>[]} */
				const deliveries = [];
				const slow = listener({
					send() {
						deliveries.push(deferred());
						return deliveries[deliveries.length - 1].promise;
					},
				});
				const quick = listener();
				await manager.create(subscription('slow'), slow);
				await manager.create(subscription('quick'), quick);
				const notifications = [toolsChanged(), toolsChanged(), toolsChanged()];
				const sends = notifications.map((each) => manager.send(each));
				await turn();
				assert.equal(quick.sent.length, 3);
				for (let delivered = 0; delivered < 3; delivered++) {
					assert.equal(slow.sent.length, delivered + 1);
					if (!sendsThroughBroker) assert.equal(await stateOf(sends[delivered]), 'pending');
					deliveries[delivered].resolve();
					if (sendsThroughBroker) await turn();
					else assert.deepEqual(await stateOf(sends[delivered]), { resolved: undefined });
				}
				await Promise.all(sends);
				assert.deepEqual(
					slow.sent.map((each) => notifications.indexOf(each)),
					[0, 1, 2],
				);
			});

			test('calls the callback in a microtask, never before it returns', async () => {
				const manager = make();
				const callbacks = listener();
				await manager.create(subscription('a'), callbacks);
				const sent = manager.send(toolsChanged());
				assert.deepEqual(callbacks.calls, ['acknowledge']);
				await sent;
				assert.deepEqual(callbacks.calls, ['acknowledge', 'send']);
			});

			for (const [how, send] of /** @type {const} */ ([
				['throws', fails],
				['rejects', rejects],
			])) {
				const outcome = sendsThroughBroker ? 'resolves despite' : 'rejects with the error of';
				test(`${outcome} a callback that ${how}; all other deliveries succeed`, async () => {
					const manager = make();
					let calls = 0;
					const failing = listener({ send: () => (calls++ === 0 ? send() : undefined) });
					const [before, behind] = [listener(), listener()];
					await manager.create(subscription('before'), before);
					await manager.create(subscription('failing'), failing);
					await manager.create(subscription('behind'), behind);
					const sends = [manager.send(toolsChanged()), manager.send(toolsChanged()), manager.send(toolsChanged())];
					await settledAfterFailure(sends[0]);
					assert.deepEqual(await Promise.all(sends.slice(1)), [undefined, undefined]);
					for (const { sent } of [before, failing, behind]) {
						// A broker may have the notification before the callback of the one before it has ended.
						while (sendsThroughBroker && sent.length < 3) await turn();
						assert.equal(sent.length, 3);
					}
					assert.equal(await manager.close('failing', 'origin', 'closed'), true);
					assert.equal(failing.calls.at(-1), 'close: closed');
				});
			}

			const testWaiting = sendsThroughBroker ? () => {} : test;
			testWaiting('waits for the acknowledgement of each matching registration', async () => {
				const manager = make();
				const acknowledged = deferred();
				const created = manager.create(subscription('a'), listener({ acknowledge: () => acknowledged.promise }));
				const sent = manager.send(toolsChanged());
				assert.equal(await stateOf(sent), 'pending');
				assert.deepEqual(await stateOf(manager.send(updated('file:///a'))), { resolved: undefined });
				acknowledged.resolve();
				assert.deepEqual(await Promise.all([created, sent]), [true, undefined]);
			});

			testWaiting('rejects with the first of several errors, without waiting for slow callbacks', async () => {
				const manager = make();
				const [never, later] = [deferred(), deferred()];
				await manager.create(subscription('slow'), listener({ send: () => never.promise }));
				await manager.create(subscription('later'), listener({ send: () => later.promise }));
				await manager.create(subscription('throws'), listener({ send: fails }));
				const sent = manager.send(toolsChanged());
				await assert.rejects(sent, failure);
				later.reject(new Error('later'));
				assert.deepEqual(await stateOf(sent), { rejected: failure });
				never.resolve();
			});

			test('does not reach a subscription that is created after the call', async () => {
				const manager = make();
				const sent = manager.send(toolsChanged());
				const late = listener();
				const created = manager.create(subscription('late'), late);
				await sent;
				await created;
				assert.deepEqual(late.calls, ['acknowledge']);
			});
		});

		describe('3. close', () => {
			test('calls close with the reason, as a method of the callbacks, removes the registration, and resolves to true', async () => {
				for (const reason of /** @type {const} */ (['closed', 'cancelled'])) {
					const manager = make();
					/** @type {unknown[]} */
					const seen = [];
					const callbacks = {
						...listener(),
						/** @this {unknown} @param {unknown[]} args */
						close(...args) {
							seen.push(this === callbacks, args);
						},
					};
					await manager.create(subscription('a'), callbacks);
					assert.equal(await manager.close('a', 'origin', reason), true);
					assert.deepEqual(seen, [true, [reason]]);
					await manager.send(toolsChanged());
					assert.deepEqual(callbacks.calls, ['acknowledge']);
					assert.equal(await manager.close('a', 'origin', reason), false);
				}
			});

			test('resolves to false for an unknown registration', async () => {
				const manager = make();
				const callbacks = listener();
				await manager.create(subscription(1), callbacks);
				for (const [id, origin] of /** @type {any[]} */ ([
					['1', 'origin'],
					[2, 'origin'],
					[1, 'another'],
					[1, undefined],
					[undefined, 'origin'],
					[null, null],
					[{}, 'origin'],
				])) {
					assert.equal(await manager.close(id, origin, 'closed'), false);
				}
				assert.deepEqual(callbacks.calls, ['acknowledge']);
			});

			test('waits for the delivery in progress, and drops the notifications queued behind it: their sends resolve', async () => {
				const manager = make();
				const delivery = deferred();
				const callbacks = listener({ send: () => delivery.promise });
				await manager.create(subscription('a'), callbacks);
				const sends = [manager.send(toolsChanged()), manager.send(toolsChanged()), manager.send(toolsChanged())];
				await turn();
				const closing = manager.close('a', 'origin', 'closed');
				assert.equal(await stateOf(closing), 'pending');
				const late = manager.send(toolsChanged());
				assert.deepEqual(sendsThroughBroker ? { resolved: await late } : await stateOf(late), { resolved: undefined });
				assert.deepEqual(callbacks.calls, ['acknowledge', 'send']);
				delivery.resolve();
				assert.equal(await closing, true);
				assert.deepEqual(await Promise.all(sends), [undefined, undefined, undefined]);
				assert.deepEqual(callbacks.calls, ['acknowledge', 'send', 'close: closed']);
			});

			test('continues if the delivery in progress fails, and drops the rest', async () => {
				const manager = make();
				const delivery = deferred();
				const callbacks = listener({ send: () => delivery.promise });
				await manager.create(subscription('a'), callbacks);
				const sends = [manager.send(toolsChanged()), manager.send(toolsChanged())];
				await turn();
				const closing = manager.close('a', 'origin', 'closed');
				delivery.reject(failure);
				await settledAfterFailure(sends[0]);
				assert.equal(await sends[1], undefined);
				assert.equal(await closing, true);
				assert.deepEqual(callbacks.calls, ['acknowledge', 'send', 'close: closed']);
			});

			test('lets no notification through from the moment it is called', async () => {
				const manager = make();
				const callbacks = listener();
				await manager.create(subscription('a'), callbacks);
				const before = manager.send(toolsChanged());
				const closing = manager.close('a', 'origin', 'closed');
				const after = manager.send(toolsChanged());
				assert.deepEqual(await Promise.all([before, closing, after]), [undefined, true, undefined]);
				assert.deepEqual(callbacks.calls, ['acknowledge', 'close: closed']);
			});

			test('calls the callback once for several calls; each call waits and resolves to the same value', async () => {
				const manager = make();
				const closed = deferred();
				const callbacks = listener({ close: () => closed.promise });
				await manager.create(subscription('a'), callbacks);
				const closings = [manager.close('a', 'origin', 'closed'), manager.close('a', 'origin', 'cancelled')];
				await turn();
				closings.push(manager.close('a', 'origin', 'cancelled'));
				for (const closing of closings) assert.equal(await stateOf(closing), 'pending');
				closed.resolve();
				assert.deepEqual(await Promise.all(closings), [true, true, true]);
				assert.deepEqual(callbacks.calls, ['acknowledge', 'close: closed']);
			});

			test('waits for a pending acknowledgement; its create resolves to true, and queued notifications are dropped', async () => {
				const manager = make();
				const acknowledged = deferred();
				const callbacks = listener({ acknowledge: () => acknowledged.promise });
				const created = manager.create(subscription('a'), callbacks);
				const sent = manager.send(toolsChanged());
				const closing = manager.close('a', 'origin', 'cancelled');
				assert.equal(await stateOf(closing), 'pending');
				acknowledged.resolve();
				assert.deepEqual(await Promise.all([created, sent, closing]), [true, undefined, true]);
				assert.deepEqual(callbacks.calls, ['acknowledge', 'close: cancelled']);
			});

			test('calls the callback even if the acknowledgement it waited for fails, and create rejects', async () => {
				const manager = make();
				const [acknowledged, closed] = [deferred(), deferred()];
				const callbacks = listener({ acknowledge: () => acknowledged.promise, close: () => closed.promise });
				const created = manager.create(subscription('a'), callbacks);
				const closing = manager.close('a', 'origin', 'cancelled');
				acknowledged.reject(failure);
				await assert.rejects(created, failure);
				assert.deepEqual(callbacks.calls, ['acknowledge', 'close: cancelled']);
				// The registration exists until it is closed.
				assert.equal(await manager.create(subscription('a'), listener()), false);
				closed.resolve();
				assert.equal(await closing, true);
				assert.equal(await manager.create(subscription('a'), listener()), true);
			});

			for (const [how, close] of /** @type {const} */ ([
				['throws', fails],
				['rejects', rejects],
			])) {
				test(`rejects every call with the error of a close that ${how}, and removes the registration`, async () => {
					const manager = make();
					const callbacks = listener({ close });
					await manager.create(subscription('a'), callbacks);
					const closings = [manager.close('a', 'origin', 'closed'), manager.close('a', 'origin', 'closed')];
					for (const closing of closings) await assert.rejects(closing, failure);
					assert.equal(await manager.close('a', 'origin', 'closed'), false);
					await manager.send(toolsChanged());
					assert.equal(await manager.create(subscription('a'), listener()), true);
					assert.deepEqual(callbacks.calls, ['acknowledge', 'close: closed']);
				});
			}
		});

		describe('3. closeAll', () => {
			/** @param {SubscriptionManager} manager */
			async function openFour(manager) {
				const all = { a1: listener(), a2: listener(), b1: listener(), b2: listener() };
				for (const [name, callbacks] of Object.entries(all)) {
					await manager.create(subscription(Number(name[1]), name[0]), callbacks);
				}
				const last = () => Object.values(all).map(({ calls }) => calls.at(-1));
				return { all, last };
			}

			test('closes every registration with the reason cancelled, and resolves to undefined', async () => {
				for (const args of [[], [undefined], [undefined, undefined]]) {
					const manager = make();
					const { last } = await openFour(manager);
					assert.equal(await manager.closeAll(...args), undefined);
					assert.deepEqual(last(), Array(4).fill('close: cancelled'));
					assert.equal(await manager.close(1, 'a', 'closed'), false);
				}
			});

			test('closes the registrations of one origin, with the given reason', async () => {
				const manager = make();
				const { last } = await openFour(manager);
				await manager.closeAll('a', 'closed');
				assert.deepEqual(last(), ['close: closed', 'close: closed', 'acknowledge', 'acknowledge']);
				await manager.closeAll('unknown');
				await manager.closeAll(/** @type {any} */ (null));
				assert.deepEqual(last().slice(2), ['acknowledge', 'acknowledge']);
				await manager.closeAll('b');
				assert.deepEqual(last().slice(2), ['close: cancelled', 'close: cancelled']);
			});

			test('closes every registration even if some fail, and rejects with the first error', async () => {
				const manager = make();
				const { all, last } = await openFour(manager);
				await manager.create(subscription('failing', 'a'), listener({ close: fails }));
				await assert.rejects(manager.closeAll(), failure);
				await turn();
				assert.deepEqual(last(), Array(4).fill('close: cancelled'));
				assert.equal(all.b2.calls.length, 2);
			});

			test('waits for every registration, also for one that was already closing for another reason', async () => {
				const manager = make();
				const closed = deferred();
				const slow = listener({ close: () => closed.promise });
				await manager.create(subscription('slow'), slow);
				const closing = manager.close('slow', 'origin', 'closed');
				const closings = manager.closeAll();
				assert.equal(await stateOf(closings), 'pending');
				closed.resolve();
				assert.deepEqual(await Promise.all([closing, closings]), [true, undefined]);
				assert.deepEqual(slow.calls, ['acknowledge', 'close: closed']);
			});

			test('calls the close method of a subclass for each registration, in the order of delivery', async () => {
				/** @type {unknown[]} */
				const closed = [];
				class Overriding extends Manager {
					/** @override @param {Parameters<SubscriptionManager['close']>} args */
					close(...args) {
						closed.push(args);
						return super.close(...args);
					}
				}
				const manager = make(Overriding);
				await openFour(manager);
				await manager.create(subscription(-0, 'a'), listener());
				await manager.closeAll(undefined, 'closed');
				assert.deepEqual(closed, [
					[1, 'a', 'closed'],
					[2, 'a', 'closed'],
					[0, 'a', 'closed'],
					[1, 'b', 'closed'],
					[2, 'b', 'closed'],
				]);
			});
		});

		describe('2. and 3. from callbacks', () => {
			/** Method, call from within a callback, result of the call, and callbacks that it causes. */
			/** @type {[string, (manager: SubscriptionManager, other: ReturnType<typeof listener>) => Promise<unknown>, unknown, unknown[]][]} */
			const CALLS = [
				['create', (manager, other) => manager.create(subscription('new'), other), true, ['acknowledge']],
				[
					'send',
					async (manager, other) => {
						await manager.create(subscription('new', 'origin', { promptsListChanged: true }), other);
						return manager.send(notification('notifications/prompts/list_changed'));
					},
					undefined,
					['acknowledge', 'send'],
				],
				[
					'close',
					async (manager, other) => {
						await manager.create(subscription('new'), other);
						return manager.close('new', 'origin', 'closed');
					},
					true,
					['acknowledge', 'close: closed'],
				],
				[
					'closeAll',
					async (manager, other) => {
						await manager.create(subscription('new', 'elsewhere'), other);
						return manager.closeAll('elsewhere');
					},
					undefined,
					['acknowledge', 'close: cancelled'],
				],
			];

			for (const callback of /** @type {const} */ (['acknowledge', 'send', 'close'])) {
				for (const [method, call, expected, calls] of CALLS) {
					test(`${callback} may call ${method} and await it`, async () => {
						const manager = make();
						const other = listener();
						/** @type {unknown} */
						let result;
						const callbacks = listener({
							async [callback]() {
								result = await call(manager, other);
							},
						});
						assert.equal(await manager.create(subscription('a'), callbacks), true);
						await manager.send(toolsChanged());
						assert.equal(await manager.close('a', 'origin', 'closed'), true);
						assert.equal(result, expected);
						assert.deepEqual(other.calls.slice(0, calls.length), calls);
						assert.deepEqual(callbacks.calls, ['acknowledge', 'send', 'close: closed']);
					});
				}
			}

			test('a subscription may close itself from acknowledge and from send; close runs after that callback', async () => {
				for (const callback of ['acknowledge', 'send']) {
					const manager = make();
					/** @type {Promise<boolean> | undefined} */
					let closing;
					const callbacks = listener({
						[callback]() {
							closing = manager.close('a', 'origin', 'closed');
						},
					});
					assert.equal(await manager.create(subscription('a'), callbacks), true);
					await Promise.all([manager.send(toolsChanged()), manager.send(toolsChanged())]);
					assert.equal(await closing, true);
					const before = callback === 'send' ? ['acknowledge', 'send'] : ['acknowledge'];
					assert.deepEqual(callbacks.calls, [...before, 'close: closed']);
				}
			});

			test('an id is in use while its close callback runs, and free afterwards', async () => {
				const manager = make();
				/** @type {Promise<boolean> | undefined} */
				let recreated;
				const next = listener();
				const callbacks = listener({
					close() {
						recreated = manager.create(subscription('a'), next);
					},
				});
				await manager.create(subscription('a'), callbacks);
				await manager.close('a', 'origin', 'closed');
				assert.equal(await recreated, false);
				assert.equal(await manager.create(subscription('a'), next), true);
			});

			test('a subscription that closes another during a send prevents its delivery', async () => {
				const manager = make();
				const other = listener();
				const callbacks = listener({
					send() {
						manager.close('other', 'origin', 'closed');
					},
				});
				await manager.create(subscription('a'), callbacks);
				await manager.create(subscription('other'), other);
				await manager.send(toolsChanged());
				await turn();
				assert.deepEqual(other.calls, ['acknowledge', 'close: closed']);
			});
		});

		describe('4. matchesSubscription', () => {
			const LISTS = { tools: 'toolsListChanged', prompts: 'promptsListChanged', resources: 'resourcesListChanged' };
			/** @type {[filters: any, given: any, expected: boolean][]} */
			const TABLE = [];
			for (const [list, flag] of Object.entries(LISTS)) {
				const changed = notification(`notifications/${list}/list_changed`);
				for (const value of [true, false, 1, 'true', {}, null, undefined]) {
					TABLE.push([{ [flag]: value }, changed, value === true]);
				}
				for (const other of Object.values(LISTS)) TABLE.push([{ [other]: true }, changed, other === flag]);
				TABLE.push([{ [flag]: true }, { ...changed, params: { uri: 'file:///a' } }, true]);
				TABLE.push([{}, changed, false]);
			}
			const all = {
				toolsListChanged: true,
				promptsListChanged: true,
				resourcesListChanged: true,
				resourceSubscriptions: ['file:///a', '', 'file:///ü\ud83d', 'x'.repeat(5_000)],
			};
			for (const uri of all.resourceSubscriptions) TABLE.push([all, updated(uri), true]);
			for (const uri of ['file:///A', 'file:///a/', ' file:///a', 'file:///a\0', 'file:///', 'x'.repeat(4_999)]) {
				TABLE.push([all, updated(uri), false]);
			}
			const update = 'notifications/resources/updated';
			for (const params of [undefined, null, 'file:///a', 7, [], ['file:///a'], {}, { URI: 'file:///a' }]) {
				TABLE.push([all, { method: update, params }, false]);
			}
			for (const uri of [undefined, null, 1, ['file:///a'], { toString: () => 'file:///a' }]) {
				TABLE.push([{ resourceSubscriptions: ['file:///a', uri] }, { method: update, params: { uri } }, false]);
			}
			for (const resourceSubscriptions of [undefined, null, []]) {
				TABLE.push([{ ...all, resourceSubscriptions }, updated('file:///a'), false]);
			}
			// Among duplicate URIs and values that are not URIs.
			TABLE.push([{ resourceSubscriptions: [1, undefined, 'b', 'b', null, 'a'] }, updated('b'), true]);
			for (const method of [
				'',
				'toString',
				'tools/list_changed',
				'notifications/tools/list_changed ',
				update.toUpperCase(),
			]) {
				TABLE.push([all, notification(method, { uri: 'file:///a' }), false]);
			}
			for (const method of ['notifications/message', 'notifications/progress', 'notifications/resources/list']) {
				TABLE.push([all, notification(method), false]);
			}

			test(`returns the expected result for ${TABLE.length} pairs of filters and notification`, () => {
				for (const [filters, given, expected] of TABLE) {
					assert.equal(matches(filters, given), expected, JSON.stringify([filters, given]));
				}
			});

			test('agrees with what the manager delivers', async () => {
				for (const [filters, given, expected] of TABLE) {
					const manager = make();
					const callbacks = listener();
					await manager.create(subscription('a', 'origin', filters), callbacks);
					// Managers in a scope refuse the notification with a function in it.
					await manager.send(given).catch(({ code }) => assert.equal(code, 'ERR_INVALID_ARG_VALUE'));
					assert.equal(callbacks.sent.length, expected ? 1 : 0, JSON.stringify([filters, given]));
				}
			});

			test('accepts an array of URIs that is a proxy, as the stores of UI libraries create them', async () => {
				const filters = { resourceSubscriptions: new Proxy(['file:///a'], {}) };
				const manager = make();
				const callbacks = listener();
				assert.equal(await manager.create(subscription('a', 'origin', filters), callbacks), true);
				await manager.send(updated('file:///a'));
				assert.equal(callbacks.sent.length, 1);
			});
		});

		test('10,000 registrations of 100 origins each get their notifications and are closed', async () => {
			const manager = make();
			/** @type {string[]} */
			const order = [];
			const created = [];
			for (let id = 0; id < 100; id++) {
				for (let origin = 0; origin < 100; origin++) {
					const filters = {
						toolsListChanged: true,
						resourceSubscriptions: [`file:///${id}`, `file:///${origin}/${id}`],
					};
					const callbacks = listener({ send: () => order.push(`${origin}/${id}`) });
					created.push(manager.create(subscription(id, `origin ${origin}`, filters), callbacks));
				}
			}
			assert.ok((await Promise.all(created)).every(Boolean));
			const byOrigin = Array.from({ length: 10_000 }, (_, n) => `${Math.floor(n / 100)}/${n % 100}`);
			await manager.send(toolsChanged());
			assert.deepEqual(order.splice(0), byOrigin);
			await manager.send(updated('file:///7'));
			assert.deepEqual(
				order.splice(0),
				byOrigin.filter((each) => each.endsWith('/7')),
			);
			await manager.send(updated('file:///7/9'));
			assert.deepEqual(order.splice(0), ['7/9']);
			await manager.closeAll('origin 0');
			await manager.send(toolsChanged());
			assert.equal(order.splice(0).length, 9_900);
			await manager.closeAll();
			await manager.send(toolsChanged());
			assert.deepEqual(order, []);
		});
	});
}

/** @param {SubscriptionImplementation} implementation */
export function testChangedSubscriptions({ name, make, rereadsFilters, skip = false }) {
	describe('a subscription whose object is changed after create', { skip }, () => {
		test(`is ${rereadsFilters ? 'read again at each send' : 'read once'} by ${name}`, async () => {
			const manager = make();
			const callbacks = listener();
			const filters = { toolsListChanged: false, resourceSubscriptions: ['file:///a'] };
			await manager.create(subscription('a', 'origin', filters), callbacks);
			filters.toolsListChanged = true;
			filters.resourceSubscriptions.push('file:///b');
			await manager.send(toolsChanged());
			await manager.send(updated('file:///b'));
			filters.resourceSubscriptions.length = 0;
			await manager.send(updated('file:///a'));
			assert.deepEqual(
				callbacks.sent.map(({ method, params }) => params?.uri ?? method),
				rereadsFilters ? ['notifications/tools/list_changed', 'file:///b'] : ['file:///a'],
			);
		});

		if (rereadsFilters) return;
		test('keeps its first id and origin when its acknowledgement fails', async () => {
			const manager = make();
			const changing = subscription('a');
			const failed = listener({
				acknowledge() {
					Object.assign(changing, { id: 'b', origin: 'another' });
					throw failure;
				},
			});
			await assert.rejects(manager.create(changing, failed), failure);
			assert.equal(await manager.close('a', 'origin', 'closed'), false);
			assert.equal(await manager.create(subscription('a'), listener()), true);
		});
	});
}
