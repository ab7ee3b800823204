// The expected results of operations that threads run one after the other, by a registry simple enough to be obviously correct.

import assert from 'node:assert/strict';

/** @import { Seen } from './stream-driver.js' */
/** @import { StreamDriverProxy } from './threads.js' */

/**
 * @typedef {{ do: 'create', thread: number, id: string, kind: 'fake' | 'stream' | 'bytes' }
 *   | { do: 'delete' | 'has', thread: number, id: string }
 *   | { do: 'send', thread: number, ids: string[] | undefined, length: number }
 *   | { do: 'flush' | 'look', thread: number }
 *   | { do: 'nothing' }} Operation
 */

/**
 * A stream, the messages that were sent to it or to all while it existed, for each sender, and who ended it.
 *
 * @typedef {object} Stream
 * @property {number} owner
 * @property {number} generation index among the streams of that id in that thread
 * @property {string[][]} messages
 * @property {number[]} sure how many messages of each sender have arrived at least, when its own thread has ended it
 * @property {'itself' | 'another' | undefined} endedBy
 */

export class StreamModel {
	/** @type {Map<string, Stream>} */
	#sessions = new Map();
	/** @type {Map<string, Stream[]>[]} for each thread, and each id there: oldest first */
	#streams;
	#messages = 0;

	/** @param {StreamDriverProxy[]} threads */
	constructor(threads) {
		this.threads = threads;
		this.#streams = threads.map(() => new Map());
	}

	/**
	 * Runs an operation in its thread, and asserts that the result is that of the model.
	 *
	 * @param {Operation} operation
	 */
	async perform(operation) {
		if (operation.do === 'nothing') return;
		const thread = this.threads[operation.thread];
		switch (operation.do) {
			case 'create':
				this.#create(operation);
				return thread.do('create', operation.id, operation.kind);
			case 'delete':
				this.#end(operation.id, operation.thread);
				this.#sessions.delete(operation.id);
				return thread.do('delete', operation.id);
			case 'has':
				return assert.equal(await thread.do('has', operation.id), this.#sessions.has(operation.id), operation.id);
			case 'send': {
				const message = `${this.#messages++} of ${operation.thread} ${'é☃x'.repeat(operation.length)}`;
				this.#send(operation, message);
				return thread.do('send', operation.ids, message);
			}
			case 'flush':
				await thread.do('flush');
				for (const { messages, sure } of this.#all()) sure[operation.thread] = messages[operation.thread].length;
				return;
			case 'look':
				assert.deepEqual(await thread.do('ids'), [...this.#sessions.keys()], 'ids');
				assert.equal(await thread.do('size'), this.#sessions.size, 'size');
		}
	}

	/** Asserts that every message has arrived, and nothing else. */
	async finish() {
		for (const thread of this.threads.keys()) {
			await this.perform({ do: 'look', thread });
			await this.threads[thread].do('flush');
		}
		for (const [owner, thread] of this.threads.entries()) {
			for (const [id, streams] of this.#streams[owner]) {
				const seen = await thread.do('seen', id);
				assert.equal(seen.length, streams.length);
				for (const [generation, stream] of streams.entries()) {
					assertGot(stream, seen[generation], `stream ${generation} of ${id} in thread ${owner}`);
				}
			}
			const { closed, mailboxBytes } = await thread.do('stats');
			assert.deepEqual([closed.overflow, mailboxBytes], [0, 0]);
			assert.deepEqual(await thread.do('uncaught'), []);
		}
	}

	/** @param {Extract<Operation, { do: 'create' }>} operation */
	#create({ id, thread }) {
		this.#end(id, thread);
		const streams = this.#streams[thread].get(id) ?? [];
		this.#streams[thread].set(id, streams);
		const none = () => this.threads.map(() => /** @type {any[]} */ ([]));
		/** @type {Stream} */
		const stream = {
			owner: thread,
			generation: streams.length,
			messages: none(),
			sure: this.threads.map(() => 0),
			endedBy: undefined,
		};
		streams.push(stream);
		this.#sessions.delete(id);
		this.#sessions.set(id, stream);
	}

	/** @param {string} id @param {number} by */
	#end(id, by) {
		const stream = this.#sessions.get(id);
		if (stream === undefined) return;
		stream.endedBy = stream.owner === by ? 'itself' : 'another';
		// Messages of its own thread arrive at once.
		stream.sure[stream.owner] = stream.messages[stream.owner].length;
	}

	/** @param {Extract<Operation, { do: 'send' }>} operation @param {string} message */
	#send({ ids, thread }, message) {
		const reached = ids ? new Set(ids.map((id) => this.#sessions.get(id))) : this.#sessions.values();
		for (const stream of reached) stream?.messages[thread].push(message);
	}

	#all() {
		return this.#sessions.values();
	}
}

/**
 * @param {Stream} stream
 * @param {Seen} seen
 * @param {string} what
 */
function assertGot({ messages, sure, endedBy }, seen, what) {
	assert.equal(seen.closed, endedBy ? 1 : 0, `${what}: closed`);
	const got = messages.map(() => /** @type {string[]} */ ([]));
	for (const message of seen.messages) got[Number(message.split(' ', 3)[2])].push(message);
	for (const [sender, wanted] of messages.entries()) {
		const which = `${what}, messages of thread ${sender}`;
		// A thread ends its own session at once. Messages of others that are pending then arrive too late.
		const least = endedBy === 'itself' ? sure[sender] : wanted.length;
		assert.ok(got[sender].length >= least, `${which}: ${got[sender].length} of at least ${least} arrived`);
		assert.deepEqual(got[sender], wanted.slice(0, got[sender].length), which);
	}
}
