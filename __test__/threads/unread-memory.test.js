// How much memory the messages of another thread keep that a client does not read. The messages of one drain of the mailbox
// share a buffer.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { openStream } from '../support/streams.js';
import { flush, startThreads } from '../support/threads/stream-threads.js';
import { test } from '../support/threads/workers.js';
import { assertKeepsLittle, readAll } from '../support/unread-memory.js';

const { inOneScope } = startThreads();

describe('the queue of a client that does not read', () => {
	for (const [size, between] of [
		[32, 0],
		[32, 300],
		[32, 8_000],
		[100, 20_000],
		[3_000, 20_000],
		[40_000, 1_000],
	]) {
		test(`keeps at most twice its bytes and 64 KiB, with messages of ${size} bytes and ${between} for others`, async () => {
			const { here, one } = await inOneScope();
			const [slow, fast] = [openStream(), openStream()];
			const { manager } = here.driver;
			manager.create('slow', slow.controller);
			manager.create('fast', fast.controller);
			const reading = readAll(fast);
			await one.run(
				async ({ manager }, size, between) => {
					for (let n = 0; n < 500; n++) {
						for (let sent = 0; sent < between; sent += 1_000)
							manager.send(['fast'], 'y'.repeat(Math.min(between, 1_000)));
						manager.send(['slow'], 'x'.repeat(size));
						if (n % 10 === 0) await manager.flush();
					}
				},
				size,
				between,
			);
			await flush(one);
			manager.delete('slow');
			manager.delete('fast');
			assert.equal((await assertKeepsLittle(slow)).chunks, 500);
			await reading;
		});
	}
});
