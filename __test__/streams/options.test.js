// Which values a stream manager accepts for its options, and how it refuses the others.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { STREAM_NUMBERS, testNumberOptions, testNumbersInRange } from '../suites/number-options.js';
import { createSessions, hubs } from '../support/policy.js';
import { newScope } from '../support/threads/threads.js';

const MAILBOX = { name: 'maxMailboxBytes', needs: { scope: newScope() } };

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
		testNumberOptions('InMemoryStreamSessionManager', [...STREAM_NUMBERS, MAILBOX], make);
		testNumberOptions('close', [{ name: 'drainMs', min: 0 }], (options) => make().close(options));
		testNumbersInRange('InMemoryStreamSessionManager', STREAM_NUMBERS, make);
		testNumbersInRange('close', [{ name: 'drainMs', min: 0 }], (options) => make().close(options));

		describe('refuses', () => {
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
