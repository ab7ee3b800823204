// A sandbox to compare stream managers: streams of many kinds, and the operations of a transport, of a client, and of a
// controller that calls the manager. Its log has everything that can be observed from outside.

import { setImmediate as turn } from 'node:timers/promises';

/** Few ids, so that operations often use the same one. */
export const IDS = ['a', 'b', 'c', '', '__proto__', 'ü\ud83d', 'x'.repeat(100)];

/** Kinds of controllers. `throwing` throws on its third chunk; `sized`, `pulling` and `fake` run their script. */
export const KINDS = /** @type {const} */ (['stream', 'lazy', 'sized', 'pulling', 'bytes', 'fake', 'throwing']);

/**
 * @typedef {{ do: 'create', id: string, kind: typeof KINDS[number], script: Simple[] }} Create
 * @typedef {{ do: 'delete', id: string } | { do: 'has', id: string } | { do: 'send', ids: string[] | null | undefined, text: string }} Plain
 * @typedef {Plain | { do: 'create', id: string, kind: 'fake', script: [] }} Simple an operation in a script, which a controller runs on its first chunk
 * @typedef {Create | Plain | { do: 'read' | 'cancel' | 'error' | 'close' | 'enqueue', stream: number }
 *   | { do: 'turn' } | { do: 'nothing' }} Operation
 */

export class StreamSandbox {
	/** @type {unknown[]} */
	log = [];
	/** @type {{ controller: any, reader?: ReadableStreamDefaultReader }[]} */
	#streams = [];
	/** Reads and `has` calls that are not settled yet. */
	#pending = /** @type {Promise<void>[]} */ ([]);

	/** @param {{ create: Function, delete: Function, has: Function, send: Function }} manager */
	constructor(manager) {
		this.manager = manager;
	}

	/** @param {Operation} operation */
	async perform(operation) {
		if (operation.do === 'nothing') return;
		if (operation.do === 'turn') await turn();
		else this.#record(operation.do, () => this.#perform(operation));
	}

	/** Deletes all sessions, reads every stream to its end or error, and returns the log. */
	async finish() {
		for (const id of IDS) this.#record('delete', () => this.manager.delete(id));
		this.#streams.forEach((stream, number) => {
			try {
				stream.controller.close();
			} catch {
				// It is closed already.
			}
			if (stream.reader) this.#pending.push(this.#readAll(number, stream.reader));
		});
		await Promise.all(this.#pending);
		return this.log;
	}

	/** @param {Exclude<Operation, { do: 'turn' | 'nothing' }>} operation */
	#perform(operation) {
		switch (operation.do) {
			case 'create':
				return this.manager.create(operation.id, this.#controller(operation.kind, operation.script));
			case 'delete':
				return this.manager.delete(operation.id);
			case 'send':
				return this.manager.send(operation.ids, operation.text);
			case 'has': {
				const index = this.log.push('pending') - 1;
				this.#pending.push(
					this.manager.has(operation.id).then((/** @type {boolean} */ exists) => {
						this.log[index] = exists;
					}),
				);
				return;
			}
			default:
				if (this.#streams.length > 0) this.#onStream(operation.do, operation.stream % this.#streams.length);
		}
	}

	/**
	 * @param {'read' | 'cancel' | 'error' | 'close' | 'enqueue'} action
	 * @param {number} number
	 */
	#onStream(action, number) {
		const { controller, reader } = this.#streams[number];
		switch (action) {
			case 'read':
				if (reader) this.#pending.push(this.#read(number, reader).then(() => {}));
				return;
			case 'cancel':
				// It rejects if the stream is errored already.
				reader?.cancel().catch(() => {});
				return;
			case 'error':
				reader?.closed.catch(() => {});
				return controller.error?.(new Error('errored'));
			case 'close':
				return controller.close();
			case 'enqueue':
				// Transports enqueue chunks as well.
				return controller.enqueue(new TextEncoder().encode('from the transport'));
		}
	}

	/**
	 * @param {typeof KINDS[number]} kind
	 * @param {Simple[]} script
	 */
	#controller(kind, script) {
		const number = this.#streams.length;
		let ran = false;
		const run = () => {
			if (ran) return;
			ran = true;
			for (const operation of script) this.#record(`${number} ${operation.do}`, () => this.#perform(operation));
		};
		const opened =
			kind === 'fake' || kind === 'throwing' ? { controller: this.#fake(number, kind, run) } : open(kind, run);
		this.#streams.push(opened);
		return opened.controller;
	}

	/**
	 * @param {number} number
	 * @param {'fake' | 'throwing'} kind
	 * @param {() => void} run
	 */
	#fake(number, kind, run) {
		let left = kind === 'throwing' ? 2 : Infinity;
		return {
			/** @param {Uint8Array} chunk */
			enqueue: (chunk) => {
				if (left-- === 0) throw new Error('throwing');
				this.log.push([number, 'enqueue', chunk.constructor === Uint8Array, Buffer.from(chunk).toString('hex')]);
				if (kind === 'fake') run();
			},
			close: () => {
				this.log.push([number, 'close']);
			},
		};
	}

	/**
	 * @param {number} number
	 * @param {ReadableStreamDefaultReader} reader
	 */
	async #readAll(number, reader) {
		while (await this.#read(number, reader));
	}

	/**
	 * @param {number} number
	 * @param {ReadableStreamDefaultReader} reader
	 */
	async #read(number, reader) {
		try {
			const { done, value } = await reader.read();
			this.log.push([number, done ? 'end' : 'chunk', value && Buffer.from(value).toString('hex')]);
			return !done;
		} catch (error) {
			this.log.push([number, 'failed', /** @type {Error} */ (error).message]);
			return false;
		}
	}

	/**
	 * Performs an action, and logs its result or its error.
	 *
	 * @param {string} name
	 * @param {() => unknown} act
	 */
	#record(name, act) {
		try {
			this.log.push([name, act()]);
		} catch (error) {
			this.log.push([name, 'threw', /** @type {Error} */ (error).name]);
		}
	}
}

/**
 * @param {'stream' | 'lazy' | 'sized' | 'pulling' | 'bytes'} kind
 * @param {() => void} run
 */
function open(kind, run) {
	/** @type {any} */
	let controller;
	const start = (/** @type {any} */ given) => {
		controller = given;
	};
	const reader = {
		stream: () => new ReadableStream({ start }),
		lazy: () => new ReadableStream({ start }, { highWaterMark: 0 }),
		pulling: () => new ReadableStream({ start, pull: run }, { highWaterMark: 2 }),
		bytes: () => new ReadableStream({ type: 'bytes', start }),
		sized: () => {
			const size = () => {
				run();
				return 1;
			};
			return new ReadableStream({ start }, { size });
		},
	}
		[kind]()
		.getReader();
	reader.closed.catch(() => {});
	return { controller, reader };
}
