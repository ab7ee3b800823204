// When `send` of a subscription manager on Redis resolves, for ours and for upstream's: Redis then has the notification. It
// waits for no callback, and no error of a callback rejects it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { run } from '../support/programs.js';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { Node, newPrefix } from '../support/redis-node/node.js';

/** @import { RedisServer } from '../support/redis.js' */

const PROGRAM = fileURLToPath(new URL('../programs/subscription-sends.js', import.meta.url));

const TOOLS = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };

const EXPECTED = {
	'awaited by acknowledge': { created: true, calls: ['acknowledge', 'send 1'], result: 'undefined' },
	'before an acknowledgement that never settles': { calls: ['acknowledge'] },
	'before a callback that never settles': {
		slow: ['acknowledge', 'send 1'],
		quick: ['acknowledge', 'send 1', 'send 2', 'send 3'],
	},
	'to callbacks that fail': Array(3).fill(['acknowledge', 'send 1', 'send 2']),
	'in a burst': { resolved: 100, inOrder: true },
	'without a registration': { result: 'undefined' },
	'while Redis is paused': { paused: 'pending', resumed: 'undefined' },
};

describeWithRedis('send of a subscription manager on Redis', () => {
	/** @type {RedisServer} */
	let redis;
	before(async () => {
		redis = await startRedis();
	});
	after(() => redis?.end());

	for (const [name, implementation] of [
		['this package', 'ours'],
		['upstream', 'upstream'],
	]) {
		test(`resolves when Redis has the notification, and does not wait for callbacks, with ${name}`, async () => {
			const program = run(process.execPath, [PROGRAM, implementation, redis.url]);
			await program.until(/^pause$/m);
			redis.pause();
			program.type('paused');
			await program.until(/^sent$/m);
			redis.resume();
			assert.equal(await program.ended, 0, program.output);
			const cases = program.output.split('\n').filter((line) => line.startsWith('['));
			assert.deepEqual(Object.fromEntries(cases.map((line) => JSON.parse(line))), EXPECTED);
		});
	}

	describe('to another thread of its process', () => {
		/** @type {Node} */
		let node;
		before(() => {
			node = new Node();
		});
		after(() => node?.kill());

		/** Opens managers in the main thread and in a worker, which has a registration. @param {any} [options] of the worker */
		async function inTwoThreads(options) {
			const prefix = newPrefix();
			const worker = await node.thread();
			const [sender, receiver] = [
				await node.open(redis.url, { prefix }),
				await worker.open(redis.url, { prefix, ...options }),
			];
			await Promise.all([sender.do('streams', 'ready'), receiver.do('streams', 'ready')]);
			await receiver.do('subscribe', 1, { toolsListChanged: true });
			return { sender, receiver, worker };
		}

		test('does not wait for it', async () => {
			const { sender, receiver, worker } = await inTwoThreads();
			await worker.block();
			assert.equal(await sender.do('subscriptions', 'send', TOOLS), undefined);
			await worker.release();
			assert.deepEqual(await receiver.do('called', 1, 2), ['acknowledge', TOOLS]);
			await worker.end('terminate');
		});

		test('closes its registrations when the notification is larger than its mailbox', async () => {
			const { sender, receiver, worker } = await inTwoThreads({ maxMailboxBytes: 1_000 });
			const large = { ...TOOLS, params: { text: 'x'.repeat(1_000) } };
			assert.equal(await sender.do('subscriptions', 'send', large), undefined);
			assert.deepEqual(await receiver.do('called', 1, 2), ['acknowledge', 'close: cancelled']);
			await worker.end('terminate');
		});
	});
});
