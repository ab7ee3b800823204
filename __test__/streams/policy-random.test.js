// Random sequences of operations on a manager with options and on one without. Each stream must get the same bytes in the same
// order, and end in the same way, for the same reason.

import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';
import fc from 'fast-check';

import { needsNative } from '../support/native.js';
import { withSlowClock } from '../support/policy.js';
import { assertSameLogs, operationsToDo, sequences } from '../support/random.js';
import { text } from '../support/streams.js';
import { newScope } from '../support/threads/threads.js';

/** @import { StreamSessionManagerOptions } from '@tmcp-native/session-manager' */

const OPERATIONS = operationsToDo(20_000);
const IDS = ['a', 'b', 'c', '', '__proto__', 'ü\ud83d'];
/** Number of sessions that exist from the start, so that a broadcast takes several slices. */
const FIRST_SESSIONS = 100;
const KINDS = /** @type {const} */ (['stream', 'lazy', 'wide', 'counting', 'bytes', 'fake', 'once']);
/** A limit that is never reached. */
const MANY_BYTES = 1_000_000_000;

const id = fc.constantFrom(...IDS);
const message = fc.oneof(
	{ weight: 6, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }) },
	{ weight: 1, arbitrary: fc.integer({ min: 400, max: 20_000 }).map((length) => 'é☃x'[length % 3].repeat(length)) },
);
const targets = fc.oneof(
	{ weight: 2, arbitrary: fc.constant(undefined) },
	{ weight: 3, arbitrary: fc.array(fc.oneof({ weight: 9, arbitrary: id }, fc.constant('unknown')), { maxLength: 9 }) },
);
/** @param {readonly string[]} kinds kinds of controllers */
const operations = (kinds) =>
	sequences(
		{ weight: 2, arbitrary: fc.record({ do: fc.constant('turn') }) },
		{ weight: 1, arbitrary: fc.record({ do: fc.constant('flush') }) },
		{ weight: 6, arbitrary: fc.record({ do: fc.constant('create'), id, kind: fc.constantFrom(...kinds) }) },
		{ weight: 3, arbitrary: fc.record({ do: fc.constant('delete'), id }) },
		{ weight: 10, arbitrary: fc.record({ do: fc.constant('send'), ids: targets, text: message }) },
		{
			weight: 4,
			arbitrary: fc.record({ do: fc.constantFrom('read', 'read', 'cancel', 'enqueue'), stream: fc.nat(1_000) }),
		},
	);

/** @typedef {{ do: string, id: string, kind: typeof KINDS[number], ids: string[] | undefined, text: string, stream: number }} Operation */
/** @typedef {{ id: string, got: string, ended: string, isCancelled?: boolean, controller: any, reader?: ReadableStreamDefaultReader }} Stream */

class PolicySandbox {
	/** @type {Stream[]} */
	#streams = [];
	/** @type {string[]} */
	#closings = [];
	/** @type {Promise<unknown>[]} */
	#reads = [];
	#manager;
	#comparesCounts;

	/**
	 * @param {StreamSessionManagerOptions} options
	 * @param {boolean} comparesCounts true if the log has the numbers of messages and bytes
	 */
	constructor(options, comparesCounts) {
		this.#comparesCounts = comparesCounts;
		this.#manager = new InMemoryStreamSessionManager({
			...options,
			onClose: (id, reason) => void this.#closings.push(`${id} ${reason}`),
		});
		for (let n = 0; n < FIRST_SESSIONS; n++) this.#create(`first ${n}`, 'fake');
	}

	/** @param {Operation} operation */
	perform(operation) {
		switch (operation.do) {
			case 'turn':
				return /** @type {Promise<any>} */ (turn());
			case 'flush':
				return this.#manager.flush();
			case 'create':
				return this.#create(operation.id, operation.kind);
			case 'delete':
				return this.#manager.delete(operation.id);
			case 'send':
				return this.#manager.send(operation.ids, operation.text);
			case 'read':
				this.#read(this.#streams[operation.stream % this.#streams.length]);
				return;
			case 'cancel':
				return this.#cancel(this.#streams[operation.stream % this.#streams.length]);
			case 'enqueue':
				return this.#enqueue(this.#streams[operation.stream % this.#streams.length]);
		}
	}

	async finish() {
		await this.#manager.flush();
		const { sessions, messages, bytes, dropped } = this.#manager.stats();
		const ids = this.#manager.ids();
		await this.#manager.close();
		const { closed } = this.#manager.stats();
		for (const stream of this.#streams) {
			try {
				stream.controller.close();
			} catch {
				// It is closed already.
			}
			while (stream.reader && stream.ended === '') {
				this.#read(stream);
				await this.#reads.at(-1);
			}
		}
		await Promise.all(this.#reads);
		const stats = { sessions, dropped, closed, ...(this.#comparesCounts ? { messages, bytes } : {}) };
		// A client that waits for a chunk reads more messages when they are joined, so what it read before it left differs.
		const isComparable = (/** @type {Stream} */ stream) => this.#comparesCounts || !stream.isCancelled;
		const streams = this.#streams.map((stream) => [stream.id, isComparable(stream) ? stream.got : '', stream.ended]);
		// The options change when the manager notices that a client has left, so the order is not compared.
		return [ids, stats, this.#closings.sort(), streams];
	}

	/** @param {string} id @param {typeof KINDS[number]} kind */
	#create(id, kind) {
		/** @type {Stream} */
		const stream = { id, got: '', ended: '', controller: undefined };
		this.#streams.push(stream);
		if (kind === 'fake' || kind === 'once') this.#fake(stream, kind);
		else open(stream, kind);
		this.#manager.create(id, stream.controller);
	}

	/** @param {Stream} stream @param {'fake' | 'once'} kind `once` throws on the second chunk and later ones */
	#fake(stream, kind) {
		stream.controller = {
			enqueue(/** @type {Uint8Array} */ chunk) {
				if (kind === 'once') stream.controller.enqueue = fail;
				stream.got += text(chunk);
			},
			close() {
				stream.ended += 'closed';
			},
		};
	}

	/** @param {Stream} stream */
	#read(stream) {
		if (!stream.reader) return;
		const read = stream.reader.read().then(
			({ done, value }) => {
				if (done) stream.ended = 'end';
				else stream.got += text(value);
			},
			(error) => {
				stream.ended = error.message;
			},
		);
		this.#reads.push(read);
	}

	/** Cancels a stream, after a flush: whether it would get pending messages is not defined. @param {Stream} stream */
	async #cancel(stream) {
		await this.#manager.flush();
		stream.isCancelled = stream.reader !== undefined;
		stream.reader?.cancel().catch(() => {});
	}

	/** Enqueues as a transport does, after a flush: its order with pending messages is not defined. @param {Stream} stream */
	async #enqueue({ controller }) {
		await this.#manager.flush();
		try {
			controller.enqueue(new TextEncoder().encode('from the transport'));
		} catch {
			// The stream has ended.
		}
	}
}

function fail() {
	throw new Error('thrown by a controller');
}

/** @param {Stream} stream @param {'stream' | 'lazy' | 'wide' | 'counting' | 'bytes'} kind */
function open(stream, kind) {
	const source = {
		/** @param {any} controller */
		start(controller) {
			stream.controller = controller;
		},
	};
	const strategies = {
		stream: undefined,
		lazy: { highWaterMark: 0 },
		wide: { highWaterMark: 16 },
		counting: new ByteLengthQueuingStrategy({ highWaterMark: 50 }),
	};
	const opened =
		kind === 'bytes' ? new ReadableStream({ ...source, type: 'bytes' }) : new ReadableStream(source, strategies[kind]);
	stream.reader = opened.getReader();
	stream.reader.closed.catch(() => {});
}

/** @type {[string, StreamSessionManagerOptions, string[]?][]} */
const optionSets = [
	['coalesce', { coalesce: true }],
	['sliceMs', { sliceMs: 1 }],
	['maxQueuedBytes', { maxQueuedBytes: MANY_BYTES }],
	['keepAliveMs', { keepAliveMs: 1_000_000, maxAgeMs: 1_000_000, maxSessions: 1_000 }],
	['coalesce and sliceMs', { coalesce: true, sliceMs: 1 }],
	[
		'all options',
		{ coalesce: true, sliceMs: 1, maxQueuedBytes: MANY_BYTES, onSlowClient: 'drop', keepAliveMs: 1_000_000 },
	],
	['all options, in a scope, without a pool', { coalesce: true, sliceMs: 1, maxQueuedBytes: MANY_BYTES, pool: false }],
];

for (const [what, options] of optionSets) {
	const inScope = what.includes('scope');
	// With coalesce there are fewer chunks, so `once` would throw at another message.
	const comparable = options.coalesce ? KINDS.filter((kind) => kind !== 'once') : KINDS;
	const share = Math.ceil(OPERATIONS / optionSets.length);
	test(`${share} random operations have the same results with ${what} as without`, inScope ? needsNative : {}, () =>
		withSlowClock(() =>
			assertSameLogs(
				share,
				/** @type {any} */ (operations(comparable)),
				() =>
					/** @type {any} */ (
						new PolicySandbox(inScope ? { ...options, scope: newScope() } : options, !options.coalesce)
					),
				() => /** @type {any} */ (new PolicySandbox({}, !options.coalesce)),
			),
		),
	);
}
