// One node sends many messages at once to sessions of another, with default options and on slow lines. All of them arrive once and
// in order.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { describeWithRedis } from '../support/redis.js';
import {
	assertAllNumbers,
	assertNoGaps,
	createMany,
	sendNumbers,
	startBehindLine,
	startMachines,
} from '../support/redis-node/machines.js';

/** Fits into `maxPendingBytes` by default. */
const BURST = 25_000;
const MiB = 2 ** 20;

describeWithRedis('a burst to another node arrives whole and in order', () => {
	// Two at once, because the first test takes about the time of all others.
	describe('with default options', { concurrency: 2 }, () => {
		test('8 messages of 7.5 MiB on a line of 20 Mbit/s', async (t) => {
			const { url } = await startBehindLine(t, { delayMs: 1, bytesPerSecond: 20_000_000 / 8 });
			const { members } = await startMachines(t, [url, url]);
			const [a, b] = members;
			await b.do('create', 'b');
			await b.do('streams', 'flush');
			await a.run(async (m, length) => {
				for (let n = 0; n < 8; n++) {
					m.manager.send(['b'], String(n).padEnd(length, '.'));
					while (m.manager.stats().backplane.pendingBytes > 0) await m.manager.flush();
				}
			}, 7.5 * MiB);
			const received = await b.run(async (m) =>
				(await m.received('b', 8)).map((/** @type {string} */ text) => [text[0], text.length]),
			);
			assert.deepEqual(
				received,
				Array.from({ length: 8 }, (_, n) => [String(n), 7.5 * MiB]),
			);
			await assertNoGaps(members);
		});

		for (const [delayMs, bursts] of [
			[0, 1],
			[1, 1],
			[5, 1],
			[0, 4],
			[5, 4],
		]) {
			const count = bursts * BURST;
			test(`${count} messages, ${delayMs} ms one way`, async (t) => {
				const { url } = await startBehindLine(t, { delayMs });
				const { members } = await startMachines(t, [url, url]);
				const [a, b] = members;
				await b.do('create', 'b');
				await b.do('streams', 'flush');
				const start = performance.now();
				for (let n = 0; n < bursts; n++) await sendNumbers(a, 'b', n * BURST, BURST);
				const received = await b.do('receivedLast', 'b', String(count - 1));
				t.diagnostic(`${Math.round(performance.now() - start)} ms`);
				assertAllNumbers(t, received, count);
				await assertNoGaps(members);
			});
		}

		test(`${BURST} messages to one, to many and to all sessions, in one order`, async (t) => {
			const { url } = await startBehindLine(t, { delayMs: 1 });
			const { members } = await startMachines(t, [url, url, url]);
			const [a, b, c] = members;
			await Promise.all([createMany(b, 'b', 10), createMany(c, 'c', 10)]);
			await Promise.all([b.do('streams', 'flush'), c.do('streams', 'flush')]);
			await a.run(async (m, count) => {
				const receivers = [['b-0'], ['b-0', 'c-0', 'b-1'], undefined, ['c-1'], ['b-0', 'unknown', 'c-0']];
				for (let n = 0; n < count; n++) m.manager.send(receivers[n % receivers.length], String(n));
				m.manager.send(undefined, 'end');
				await m.manager.flush();
			}, BURST);
			for (const [member, id, rests] of /** @type {const} */ ([
				[b, 'b-0', [0, 1, 2, 4]],
				[b, 'b-1', [1, 2]],
				[b, 'b-9', [2]],
				[c, 'c-0', [1, 2, 4]],
				[c, 'c-1', [2, 3]],
				[c, 'c-9', [2]],
			])) {
				const all = Array.from({ length: BURST }, (_, n) => n).filter((n) => rests.some((rest) => n % 5 === rest));
				const received = await member.do('receivedLast', id, 'end');
				assert.deepEqual([id, received], [id, [...all.map(String), 'end']]);
			}
			await assertNoGaps(members);
		});

		test(`${BURST} messages, while the memory of Redis is full`, async (t) => {
			const { redis, url } = await startBehindLine(t, { delayMs: 1 });
			const { members } = await startMachines(t, [url, url]);
			const [a, b] = members;
			await b.do('create', 'b');
			await b.do('streams', 'flush');
			const sending = sendNumbers(a, 'b', 0, BURST);
			await b.do('received', 'b', 1_000);
			await redis.command('CONFIG', 'SET', 'maxmemory', 1);
			const [{ message }] = await a.do('errors', 1);
			assert.match(message, /OOM/);
			await redis.command('CONFIG', 'SET', 'maxmemory', 0);
			await sending;
			assertAllNumbers(t, await b.do('receivedLast', 'b', String(BURST - 1)), BURST);
			await assertNoGaps(members);
		});
	});
});
