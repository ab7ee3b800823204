// The subscription managers: the drop-in contract, tested against upstream 0.3.0 and ours, and then what only ours promises.
//
// Run: npm run test:js -- subscriptions

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { InMemorySubscriptionManager, SubscriptionManager } from '@tmcp-native/session-manager';

import { testNumberOptions } from '../suites/number-options.js';
import { testSubscriptionMistakes } from '../suites/subscription-mistakes.js';
import { testChangedSubscriptions, testSubscriptions } from '../suites/subscriptions.js';
import { collected } from '../support/garbage.js';
import { subscriptionManagers } from '../support/implementations.js';
import { assertMemoryStaysFlat } from '../support/memory.js';
import { listener, subscription, toolsChanged } from '../support/subscriptions.js';

const run = promisify(execFile);
const program = (/** @type {string} */ name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

const failure = new Error('failure');
const fails = () => {
	throw failure;
};

for (const implementation of Object.values(subscriptionManagers)) {
	testSubscriptions(implementation);
	testChangedSubscriptions(implementation);
}

testSubscriptionMistakes(subscriptionManagers.ours);

testNumberOptions(
	'InMemorySubscriptionManager',
	[{ name: 'maxMailboxBytes', needs: { scope: 'numbers' } }],
	(options) => new InMemorySubscriptionManager(options),
);

describe('memory and the end of a process', () => {
	/**
	 * @param {InMemorySubscriptionManager} manager
	 * @param {string} id
	 */
	function holdWeakly(manager, id) {
		const callbacks = listener(id === 'failed' ? { acknowledge: fails } : {});
		const created = manager.create(subscription(id), callbacks);
		return { callbacks: new WeakRef(callbacks), created };
	}

	test('a manager keeps callbacks alive until their subscription is closed or fails, and no longer', async () => {
		const manager = new InMemorySubscriptionManager();
		const [held, closed, failed] = ['held', 'closed', 'failed'].map((id) => holdWeakly(manager, id));
		await assert.rejects(failed.created, failure);
		await manager.send(toolsChanged());
		await manager.close('closed', 'origin', 'closed');
		await collected(closed.callbacks);
		await collected(failed.callbacks);
		assert.notEqual(held.callbacks.deref(), undefined);
		assert.equal(await manager.close('held', 'origin', 'closed'), true);
	});

	test('the callbacks of a dropped manager are collected, even with a pending acknowledgement', async () => {
		/** @type {WeakRef<object>[]} */
		const held = [];
		(() => {
			const manager = new InMemorySubscriptionManager();
			const pending = listener({ acknowledge: () => new Promise(() => {}) });
			manager.create(subscription('pending'), pending);
			held.push(new WeakRef(manager), new WeakRef(pending), holdWeakly(manager, 'open').callbacks);
		})();
		for (const reference of held) await collected(reference);
	});

	test('creating and dropping 5,000 managers with open registrations does not leak memory', async () => {
		await assertMemoryStaysFlat('dropped-subscription-managers.js', 5_000);
	});

	test('a process with open registrations exits on its own', async () => {
		const { stdout } = await run(process.execPath, [program('open-subscriptions.js')], { timeout: 30_000 });
		assert.equal(stdout, '1000 registrations open\n');
	});
});

test('each method of the abstract base class throws if it is not overridden', () => {
	// @ts-expect-error abstract
	class Unfinished extends SubscriptionManager {}
	const methods = Object.getOwnPropertyNames(SubscriptionManager.prototype).filter((name) => name !== 'constructor');
	assert.deepEqual(methods, ['create', 'send', 'close', 'closeAll']);
	for (const method of methods) {
		// @ts-expect-error abstract
		assert.throws(() => new Unfinished()[method](), { name: 'Error', message: 'Method not implemented.' });
	}
	assert.ok(new InMemorySubscriptionManager() instanceof SubscriptionManager);
});
