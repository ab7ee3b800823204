// Which values a stream manager accepts for its options, and how it refuses the others.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createSessions, hubs } from '../support/policy.js';

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
		describe('refuses', () => {
			const WRONG = [null, -1, 1.5, Number.NaN, '5', true, {}, 2n, 2 ** 53];
			for (const name of [
				'keepAliveMs',
				'maxQueuedBytes',
				'sliceMs',
				'maxSessions',
				'maxAgeMs',
				'deadAfterKeepAlives',
			]) {
				test(`a ${name} that is not an integer`, () => {
					for (const value of WRONG) {
						const options = /** @type {any} */ ({
							...(name === 'deadAfterKeepAlives' ? { keepAliveMs: 1_000 } : {}),
							[name]: value,
						});
						assert.throws(() => make(options), {
							name: 'TypeError',
							code: 'ERR_INVALID_ARG_TYPE',
							message: new RegExp(name),
						});
					}
				});
			}

			test('0 for a limit, and more milliseconds than a timer supports', () => {
				for (const name of ['maxQueuedBytes', 'sliceMs', 'maxSessions', 'maxAgeMs']) {
					assert.throws(() => make({ [name]: 0 }), { code: 'ERR_INVALID_ARG_TYPE', message: new RegExp(name) });
				}
				for (const name of ['keepAliveMs', 'sliceMs', 'maxAgeMs']) {
					assert.throws(() => make({ [name]: 2 ** 31 }), { code: 'ERR_INVALID_ARG_TYPE', message: /2147483647/ });
				}
			});

			test('values of another type', () => {
				for (const [name, value] of /** @type {[string, unknown][]} */ ([
					['coalesce', 'yes'],
					['coalesce', 1],
					['coalesce', null],
					['onClose', 'f'],
					['onClose', null],
					['onClose', {}],
				])) {
					assert.throws(() => make(/** @type {any} */ ({ [name]: value })), {
						code: 'ERR_INVALID_ARG_TYPE',
						message: new RegExp(`"${name}"`),
					});
				}
				for (const onSlowClient of ['Close', 'disconnect', null, 1]) {
					assert.throws(() => make(/** @type {any} */ ({ maxQueuedBytes: 1, onSlowClient })), {
						code: 'ERR_INVALID_ARG_TYPE',
						message: /'close' or 'drop'/,
					});
				}
			});

			test('an option that has no effect without another', () => {
				assert.throws(() => make({ onSlowClient: 'drop' }), {
					code: 'ERR_INVALID_ARG_TYPE',
					message: /maxQueuedBytes/,
				});
				assert.throws(() => make({ deadAfterKeepAlives: 2 }), { code: 'ERR_INVALID_ARG_TYPE', message: /keepAliveMs/ });
				assert.throws(() => make({ keepAliveMs: 0, deadAfterKeepAlives: 2 }), { code: 'ERR_INVALID_ARG_TYPE' });
			});

			test('an unknown option, and names the most similar known one', () => {
				for (const [name, meant] of [
					['keepAlive', 'keepAliveMs'],
					['maxQueueBytes', 'maxQueuedBytes'],
					['coalece', 'coalesce'],
					['onclose', 'onClose'],
				]) {
					assert.throws(() => make(/** @type {any} */ ({ [name]: 1 })), {
						code: 'ERR_UNKNOWN_OPTION',
						message: new RegExp(`did you mean "${meant}"`),
					});
				}
			});
		});

		test('accepts the default of each option as an explicit value', async () => {
			const manager = make({
				pool: true,
				keepAliveMs: 0,
				deadAfterKeepAlives: undefined,
				maxQueuedBytes: undefined,
				onSlowClient: undefined,
				coalesce: false,
				sliceMs: undefined,
				maxSessions: Infinity,
				maxAgeMs: undefined,
				onClose: undefined,
			});
			const [controller] = createSessions(manager, 1);
			manager.send(undefined, 'message');
			assert.deepEqual(controller.messages, ['message']);
		});
	});
}
