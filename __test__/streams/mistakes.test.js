// Invalid arguments: the stream manager throws a TypeError that names the argument and its value, and changes nothing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { InMemoryStreamSessionManager, SessionManager, StreamSessionManager } from '@tmcp-native/session-manager';

import { testStreamMistakes } from '../suites/stream-mistakes.js';

const CODE = 'ERR_INVALID_ARG_TYPE';

testStreamMistakes({ make: () => new InMemoryStreamSessionManager() });

describe('the constructor', () => {
	test('refuses an unknown option, and names the most similar known one', () => {
		for (const [option, message] of [
			['pol', 'there is no option "pol"; did you mean "pool"?'],
			['Pool', 'there is no option "Pool"; did you mean "pool"?'],
			['maxQueueBytes', 'there is no option "maxQueueBytes"; did you mean "maxQueuedBytes"?'],
			[
				'compression',
				'there is no option "compression"; known options: pool, keepAliveMs, deadAfterKeepAlives, maxQueuedBytes, ' +
					'onSlowClient, coalesce, sliceMs, maxSessions, onSessionLimit, maxAgeMs, onClose, scope, maxMailboxBytes',
			],
		]) {
			assert.throws(() => new InMemoryStreamSessionManager(/** @type {any} */ ({ [option]: true })), {
				name: 'TypeError',
				code: 'ERR_UNKNOWN_OPTION',
				message: `InMemoryStreamSessionManager: ${message}`,
			});
		}
	});

	test('refuses a value of the wrong type, and options that are not an object', () => {
		assert.throws(() => new InMemoryStreamSessionManager(/** @type {any} */ ({ pool: 'yes' })), {
			name: 'TypeError',
			code: CODE,
			message: 'InMemoryStreamSessionManager: option "pool" must be true or false; got the string "yes"',
		});
		for (const options of [null, 'pool', 1, [], true]) {
			assert.throws(() => new InMemoryStreamSessionManager(/** @type {any} */ (options)), { code: CODE });
		}
	});

	test('names the subclass in its errors', () => {
		class Mine extends InMemoryStreamSessionManager {}
		assert.throws(() => new Mine(/** @type {any} */ ({ pol: true })), /^TypeError: Mine: /);
	});

	test('accepts undefined for any option', () => {
		new InMemoryStreamSessionManager({ pool: undefined });
		new InMemoryStreamSessionManager(undefined);
	});
});

describe('the abstract base class', () => {
	test('has the two names that it has in upstream', () => {
		assert.equal(SessionManager, StreamSessionManager);
		assert.ok(new InMemoryStreamSessionManager() instanceof SessionManager);
	});

	for (const method of ['create', 'delete', 'has', 'send']) {
		test(`throws in ${method} if it is not overridden`, () => {
			// @ts-expect-error abstract
			class Unfinished extends StreamSessionManager {}
			// @ts-expect-error abstract
			assert.throws(() => new Unfinished()[method](), { name: 'Error', message: 'Method not implemented.' });
		});
	}
});
