// A node to which many clients connect at once.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { answerCalls, readArguments } from '../../harness/callable-process.mjs';
import { yieldToOthers } from '../../harness/priority.mjs';
import { makeIds } from '../../harness/test-data.mjs';
import { managers } from '../implementations.mjs';

// As if each node had cores of its own. Before the threads of the manager start, which inherit it.
yieldToOthers();

const PER_TURN = 100;

const [kind, url, folder] = /** @type {[import('../implementations.mjs').NodeKind, string, string]} */ (
	readArguments()
);
const manager = /** @type {import('../implementations.mjs').Manager} */ (await managers[kind](url, 0, folder));
await manager.ready?.();

/** @type {string[]} */
let open = [];

answerCalls({
	/** Returns true. The process answers when other nodes reach it. */
	isReady: () => true,

	/** Opens sessions. Returns when Redis knows them, in nanoseconds, and some of their ids. @param {number} count */
	async create(count) {
		open = makeIds(count);
		/** @type {unknown[]} */
		const created = [];
		for (const [index, id] of open.entries()) {
			if (index % PER_TURN === 0) await nextTurn();
			new ReadableStream({
				start(controller) {
					created.push(manager.create(id, controller));
				},
			});
		}
		await Promise.all(created);
		await manager.flush?.();
		return { at: Number(process.hrtime.bigint()), some: [open[0], open[count - 1]] };
	},

	/** Removes the sessions. */
	async deleteAll() {
		await Promise.all(open.map((id) => manager.delete(id)));
		await manager.flush?.();
	},
});
